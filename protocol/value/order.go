package value

import "cmp"

// Compare orders two values: NULL first, numbers by amount whatever their kinds, else by kind, then content.
// A total order, so that sorts and MIN/MAX mean the same on every node.
func Compare(a, b Value) int {
	if a.kind == b.kind && (a.kind != Decimal || a.scale == b.scale) {
		switch a.kind {
		case String:
			return cmp.Compare(a.str, b.str)
		case Double:
			return cmp.Compare(a.Float(), b.Float())
		case Cell, Bool:
			return cmp.Compare(a.bits, b.bits)
		default:
			return cmp.Compare(int64(a.bits), int64(b.bits))
		}
	}
	if a.kind.Numeric() && b.kind.Numeric() {
		return cmp.Compare(a.Float(), b.Float())
	}
	return cmp.Compare(a.kind, b.kind)
}

// Equal is Compare == 0.
func Equal(a, b Value) bool { return Compare(a, b) == 0 }
