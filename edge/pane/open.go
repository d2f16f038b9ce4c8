package pane

// Open says what a view holds that was not cut yet.
type Open struct {
	View               uint32
	Panes, Keys        int // a key counts once in each pane
	Readings           uint64
	OldestUs, NewestUs int64 // panes' starts
}

// Open gives each view's open panes.
func (t *Table) Open() []Open {
	var list []Open
	for _, s := range t.streams {
		for _, g := range s.groups {
			o := Open{}
			for start, keys := range g.panes {
				if len(keys) == 0 {
					continue
				}
				if o.Panes == 0 || start < o.OldestUs {
					o.OldestUs = start
				}
				if o.Panes == 0 || start > o.NewestUs {
					o.NewestUs = start
				}
				o.Panes++
				o.Keys += len(keys)
				for _, e := range keys {
					o.Readings += e.readings
				}
			}
			for _, v := range g.views {
				o.View = v.id
				list = append(list, o)
			}
		}
	}
	return list
}
