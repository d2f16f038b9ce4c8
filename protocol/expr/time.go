package expr

import "github.com/hexpane/hexpane/protocol/value"

// times: an interval is a BIGINT of microseconds that only "+interval" takes, a name no statement can write, so that
// `ts + 5` stays an error. UNIX_TIMESTAMP and FROM_UNIXTIME are in milliseconds, as ksqlDB has them.
var times = []function{
	{name: "+interval", usage: "+ INTERVAL", typ: takes(value.Timestamp, isTime, isInt), make: makeShift},
	{name: "UNIX_TIMESTAMP", usage: "UNIX_TIMESTAMP(ts)", typ: takes(value.Int, isTime), make: makeUnix},
	{name: "FROM_UNIXTIME", usage: "FROM_UNIXTIME(milliseconds)", typ: takes(value.Timestamp, isInt), make: makeFromUnix},
}

func makeShift(args []node, _ value.Type) (Func, error) {
	return integers(args[0].eval, args[1].eval, addInt, value.OfTime), nil
}

func makeUnix(args []node, _ value.Type) (Func, error) {
	eval := args[0].eval
	return func(row []value.Value) value.Value {
		v := eval(row)
		if v.IsNull() {
			return v
		}
		return value.OfInt(floorDiv(v.Int(), 1000))
	}, nil
}

func makeFromUnix(args []node, _ value.Type) (Func, error) {
	eval := args[0].eval
	return func(row []value.Value) value.Value {
		v := eval(row)
		if v.IsNull() {
			return v
		}
		us, ok := mulInt(v.Int(), 1000)
		if !ok {
			return value.Value{}
		}
		return value.OfTime(us)
	}, nil
}
