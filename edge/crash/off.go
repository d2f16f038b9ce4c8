//go:build !crashpoints

package crash

// Here is a place to die at.
func Here(string) {}
