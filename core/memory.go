package core

import "github.com/prometheus/client_golang/prometheus"

// registerMemory shows what of open state is in memory, in all partitions.
func registerMemory(c *Core, r prometheus.Registerer) {
	sum := func(which int) func() float64 {
		return func() (n float64) {
			for _, p := range c.partitions {
				var usage [4]int64
				usage[0], usage[1], usage[2], usage[3] = p.memory.Usage()
				n += float64(usage[which])
			}
			return n
		}
	}
	r.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_core_open_bytes",
			Help: "Memory of open windows and of the newest row of each key, by estimate; at most state.open_bytes and what one turn touches."}, sum(0)),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hexpane_core_open_items",
			Help: "Open windows, sessions, keys of hopping views and newest rows in memory."}, sum(1)),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "hexpane_core_open_evicted_total",
			Help: "Those that left memory and are on disk alone."}, sum(2)),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "hexpane_core_open_reloaded_total",
			Help: "Those that were read back, for a change or because they fired."}, sum(3)))
}
