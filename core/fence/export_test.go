package fence

// LogLeast sets how many positions the log holds beside some for each device, until back.
func LogLeast(n int) (back func()) {
	was := leastLogged
	leastLogged = n
	return func() { leastLogged = was }
}
