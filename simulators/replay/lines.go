package replay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// Record is one message of a recording.
type Record struct {
	At      time.Time // when it arrived, or what its time column says; zero when the recording has no times
	Topic   string
	Payload []byte
	Sort    string // the sort column's text
}

// ErrUnparsed marks one line or row that is no record; the next may well be.
var ErrUnparsed = errors.New("unparsed")

// Lines reads RECEIVED_AT TOPIC PAYLOAD, one a line; empty lines are skipped. The topic may hold spaces: the payload
// starts at the first '{' or '[' that follows one.
func Lines(r io.Reader) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		scan := bufio.NewScanner(r)
		scan.Buffer(nil, 16<<20)
		for n := 1; scan.Scan(); n++ {
			if strings.TrimSpace(scan.Text()) == "" {
				continue
			}
			rec, err := parseLine(scan.Text())
			if err != nil {
				err = fmt.Errorf("line %d: %w", n, err)
			}
			if !yield(rec, err) {
				return
			}
		}
		if err := scan.Err(); err != nil {
			yield(Record{}, fmt.Errorf("read recording: %w", err))
		}
	}
}

func parseLine(line string) (Record, error) {
	stamp, rest, ok := strings.Cut(line, " ")
	if !ok {
		return Record{}, fmt.Errorf("%w: no topic in %.60q", ErrUnparsed, line)
	}
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return Record{}, fmt.Errorf("%w: received-at %.40q is not RFC 3339", ErrUnparsed, stamp)
	}
	cut := -1
	for i := 1; i < len(rest) && cut < 0; i++ {
		if rest[i-1] == ' ' && (rest[i] == '{' || rest[i] == '[') {
			cut = i
		}
	}
	if cut < 2 {
		return Record{}, fmt.Errorf("%w: no JSON payload after the topic in %.60q", ErrUnparsed, rest)
	}
	rec := Record{At: at, Topic: rest[:cut-1], Payload: []byte(rest[cut:])}
	return rec, checkTopic(rec.Topic)
}

// checkTopic refuses what a broker would cut the connection for.
func checkTopic(topic string) error {
	if topic == "" || len(topic) > 65535 || strings.ContainsAny(topic, "+#\x00") {
		return fmt.Errorf("%w: %.60q cannot be published to", ErrUnparsed, topic)
	}
	return nil
}
