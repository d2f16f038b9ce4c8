package pattern

// Ahead gives a key that stands where k does, and does not wait for the watermark: it takes rows as they come, with Add and Advance as k does, and
// finds matches as if no earlier row would come. Add reports false for one that comes before others it has taken: what it found is then
// out of date, and Ahead gives a new one. What it does is not counted.
func (e *Engine) Ahead(k *Key) (*Key, error) {
	n := e.NewKey(k.id)
	n.floor, n.number, n.base = k.floor, k.number, k.base
	for i, r := range k.rows {
		n.push(&row{us: r.us, values: r.values})
		if i == 0 {
			n.rows[0].twin = r.twin
		}
	}
	for _, r := range k.waiting {
		n.waiting = append(n.waiting, &row{us: r.us, values: r.values})
	}
	firsts := make([]int64, len(k.attempts))
	for i, a := range k.attempts {
		firsts[i] = a.first.index
	}
	err := e.resume(n, firsts)
	n.ahead = true
	return n, err
}
