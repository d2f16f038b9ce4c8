package polygon

// Packed is a Local in one stretch of memory, so that to compare a place with it is to read on. Some of its points are numbers:
//
//	{the box's corner}, {edges of the first run × 2, and 1 if the corner is inside; how many runs follow}, corners of the first run,
//	{edges of the next run, 0}, its corners, …
type Packed []Point

// Pack appends the packed form.
func (l *Local) Pack(dst Packed) Packed {
	edges := 2 * int(l.first.To-l.first.From)
	if l.Inside {
		edges++
	}
	dst = append(dst, Point{l.X, l.Y}, Point{float64(edges), float64(len(l.more))})
	dst = append(dst, l.points[l.first.From:l.first.To+1]...)
	for _, r := range l.more {
		dst = append(append(dst, Point{float64(r.To - r.From), 0}), l.points[r.From:r.To+1]...)
	}
	return dst
}

// Contains is Local.Contains.
func (p Packed) Contains(at Place) bool {
	first, runs := int(p[1].X), int(p[1].Y)
	in, c := first&1 == 1, corner(p[0])
	p = p[2:]
	n := first/2 + 1
	odd, on := c.crossed(p[:n], at)
	in = in != odd
	for ; runs > 0 && !on; runs-- {
		p = p[n:]
		n = int(p[0].X) + 1
		p = p[1:]
		odd, on = c.crossed(p[:n], at)
		in = in != odd
	}
	return in || on
}
