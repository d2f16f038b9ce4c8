package sql

import "fmt"

// Pos is a place in a source text. Lines and columns count from 1, columns in characters.
type Pos struct{ Line, Column int }

// Error says what is wrong with a statement, and where.
type Error struct {
	Line, Column int
	Message      string
}

// Error gives the place, then the message.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// fail unwinds to the exported function that was called.
func fail(at Pos, format string, args ...any) {
	panic(&Error{Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...)})
}

// unsupported refuses what the language has but this version has not. It must never become a wrong result.
func unsupported(at Pos, what string) { fail(at, "%s is not supported yet", what) }

// catch turns a fail into the error of the function that defers it.
func catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case *Error:
		*err = r
	default:
		panic(r)
	}
}
