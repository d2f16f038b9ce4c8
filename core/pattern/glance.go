package pattern

import (
	"math"

	"github.com/hexpane/hexpane/protocol/expr"
	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/value"
)

// glance rules out that a row is of a variable in one of many attempts, from a few numbers of each that lie side by side: without looking at
// the attempts, and without the dear functions of the condition. It computes with bounds (Moore's interval arithmetic) in place of values, and what
// it does not rule out the condition itself judges: so it may be coarse, and is never wrong.
type glance struct {
	may   func(lane int) bool // the condition may hold
	fixed []*fixed
}

// fixed is a part of a condition that depends on the row at hand alone.
type fixed struct {
	eval   expr.Func
	needs  []int
	lo, hi float64

	latitude bool
	cos      float64 // of it, at least
}

// lane is what attempts have of a reference that a condition's glance reads: a number each.
type lane struct{ reference, variable int }

// bounds gives two numbers between which an expression is in an attempt, unless it is NULL. NaN: nothing is known.
type bounds func(lane int) (lo, hi float64)

// compileGlance gives nil for a condition of which nothing can be said like this.
func (e *Engine) compileGlance(v int, define *plan.Expr) *glance {
	m := &glanceMaker{e: e, v: v, glance: &glance{}, known: map[*plan.Expr]*fixed{}}
	lanes := len(e.lanes)
	if m.may = m.condition(define); m.may == nil {
		e.lanes = e.lanes[:lanes]
		return nil
	}
	return m.glance
}

// at computes what depends on row r alone.
func (g *glance) at(e *Engine, v int, r *row) {
	for _, f := range g.fixed {
		copy(e.scratch, r.values)
		for _, n := range f.needs {
			e.scratch[e.columns+n] = e.look(&e.references[n], v, nil, r)
		}
		x := amount(f.eval(e.scratch))
		f.lo, f.hi = wider(x, x)
		if f.latitude {
			f.cos = math.Cos(f.lo*math.Pi/180) + 1e-9
		}
	}
}

func amount(v value.Value) float64 {
	if v.IsNull() {
		return math.NaN()
	}
	return v.Float()
}

type glanceMaker struct {
	*glance
	e     *Engine
	v     int
	known map[*plan.Expr]*fixed
}

// condition gives nil where a condition may hold always.
func (m *glanceMaker) condition(x *plan.Expr) func(lane int) bool {
	args := x.GetCall().GetArguments()
	switch x.GetCall().GetFunction() {
	case "AND":
		var may func(lane int) bool
		for _, a := range args {
			may = either(may, m.condition(a))
		}
		return may
	case "<", "<=":
		return m.exceeds(args[1], args[0])
	case ">", ">=":
		return m.exceeds(args[0], args[1])
	}
	return nil
}

// either rules out what one of the two does.
func either(a, b func(lane int) bool) func(lane int) bool {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(lane int) bool { return a(lane) && b(lane) }
}

// exceeds is about a > b and a >= b.
func (m *glanceMaker) exceeds(a, b *plan.Expr) func(lane int) bool {
	x, y := m.bounds(a), m.bounds(b)
	if x == nil || y == nil {
		return nil
	}
	return func(lane int) bool {
		_, most := x(lane)
		least, _ := y(lane)
		return !(most < least) // with NaN it may
	}
}

// bounds gives nil for an expression that it has none for.
func (m *glanceMaker) bounds(x *plan.Expr) bounds {
	if k := x.GetType().Value().Kind; !k.Numeric() && k != value.Timestamp {
		return nil
	}
	if f := m.fix(x); f != nil {
		return func(int) (float64, float64) { return f.lo, f.hi }
	}
	if _, ok := x.GetNode().(*plan.Expr_Column); ok {
		return m.lane(int(x.GetColumn()) - m.e.columns)
	}
	args, of := x.GetCall().GetArguments(), []bounds(nil)
	for _, a := range args {
		b := m.bounds(a)
		if b == nil {
			return nil
		}
		of = append(of, b)
	}
	switch x.GetCall().GetFunction() {
	case "+", "+interval":
		return m.both(args, of, func(a, b, c, d float64) (float64, float64) { return a + c, b + d })
	case "-":
		return m.both(args, of, func(a, b, c, d float64) (float64, float64) { return a - d, b - c })
	case "*":
		return m.both(args, of, products)
	case "UNIX_TIMESTAMP": // cut to a millisecond
		return func(lane int) (float64, float64) {
			lo, hi := of[0](lane)
			return wider(lo/1000-1, hi/1000)
		}
	case "/":
		if x.GetType().Value().Kind == value.Double { // an integer is cut toward zero
			return m.both(args, of, quotients)
		}
	case "distance_m":
		return m.distance(args, of)
	}
	return nil
}

func (m *glanceMaker) both(args []*plan.Expr, of []bounds, op func(a, b, c, d float64) (float64, float64)) bounds {
	x, y := of[0], of[1]
	switch left, right := m.fix(args[0]), m.fix(args[1]); { // a call less
	case left != nil:
		return func(lane int) (float64, float64) {
			c, d := y(lane)
			return wider(op(left.lo, left.hi, c, d))
		}
	case right != nil:
		return func(lane int) (float64, float64) {
			a, b := x(lane)
			return wider(op(a, b, right.lo, right.hi))
		}
	}
	return func(lane int) (float64, float64) {
		a, b := x(lane)
		c, d := y(lane)
		return wider(op(a, b, c, d))
	}
}

func products(a, b, c, d float64) (float64, float64) {
	if a >= 0 && c >= 0 {
		return a * c, b * d
	}
	return min(a*c, a*d, b*c, b*d), max(a*c, a*d, b*c, b*d)
}

func quotients(a, b, c, d float64) (float64, float64) {
	if c > 0 {
		return products(a, b, 1/d, 1/c)
	}
	return math.NaN(), math.NaN()
}

// wider allows for what is lost when the expression is computed, and here.
func wider(lo, hi float64) (float64, float64) {
	const some = 1e-14
	return lo - math.Abs(lo)*some, hi + math.Abs(hi)*some
}

// distance: no way is shorter than from one parallel to the other, and none needs to be longer than along the parallel of the row at hand and then
// along a meridian. The metre and the millionth are more than doubles lose, between antipodes too.
func (m *glanceMaker) distance(args []*plan.Expr, of []bounds) bounds {
	const degree = expr.EarthRadius * math.Pi / 180
	here := m.fix(args[0])
	if here == nil {
		here = m.fix(args[2])
	}
	if here == nil {
		return nil
	}
	here.latitude = true
	return func(lane int) (float64, float64) {
		a, b := of[0](lane)
		c, d := of[2](lane)
		north, least := max(b-c, d-a), max(c-b, a-d, 0)
		a, b = of[1](lane)
		c, d = of[3](lane)
		return degree*least*(1-1e-6) - 1, degree*(north+here.cos*max(b-c, d-a))*(1+1e-6) + 1
	}
}

// fix gives nil for what depends on more than the row at hand.
func (m *glanceMaker) fix(x *plan.Expr) *fixed {
	if f := m.known[x]; f != nil {
		return f
	}
	needs, err := m.e.needs(x)
	if err != nil {
		return nil
	}
	for _, n := range needs {
		if r := &m.e.references[n]; r.remembers() && !(r.kind == plan.Reference_LAST && r.offset == 0 && r.of(m.v)) {
			return nil
		}
	}
	eval, err := expr.Compile(x)
	if err != nil {
		return nil
	}
	f := &fixed{eval: eval, needs: needs}
	m.fixed, m.known[x] = append(m.fixed, f), f
	return f
}

// lane is of a reference that a row of the variable does not change.
func (m *glanceMaker) lane(n int) bounds {
	if m.e.references[n].of(m.v) {
		return nil
	}
	at := len(m.e.lanes)
	for i, l := range m.e.lanes {
		if l.reference == n {
			at = i
		}
	}
	if at == len(m.e.lanes) {
		m.e.lanes = append(m.e.lanes, lane{n, m.v})
	}
	e := m.e
	return func(lane int) (float64, float64) {
		x := e.key.lanes[at][lane]
		return x, x
	}
}
