package state

import "encoding/binary"

// Keys; all integers big-endian, times with the sign bit flipped, so that they sort:
//
//	p <partition>                             place in the stream
//	a <partition> <edge>                      epoch, seq applied last
//	w <partition> <stream> <edge>             watermark of an edge; without edge: the output
//	f <partition> <view>                      watermark up to which EMIT FINAL results are out
//	e <partition> <view>                      start of the first window that was deleted because of its age, and the time before which they were
//	v <view> <partition> <start> <group key>  window
//	s <view> <partition> <group key> <start>  last reading of a session whose state is under v
//	l <stream> <partition> <key>              latest row: event time, row
//	x <partition> <number>                    effect that has not left
//	t <table> <partition> <number>            row of one of the core's own tables
//	m <to> <from> <number>                    letter from a partition to another
//	g <view> <partition> <row>                what a row of the view below gave a view last: pane, group key, states
//	c <view> <partition> <pane> <group key> <row>  the same where the group is: states
//	j <join> <partition> <side> <time> <number>    row that a join keeps
//	k <pattern> <partition> 0 <key>           rows and partial matches of a key
//	k <pattern> <partition> 1 <number>        row of a match, of the newest
//	k <pattern> <partition> 2 <key> <number>  what a turn gave a key since its state was written
//	H                                         plan of the backup that this store was put back from, until the catalogue has it
//	F 0                                       the last version given to a fence
//	F 1 <id>                                  fence: version, GeoJSON Feature
//	n <stream> <partition> <device>           a device at fences
//	q <stream> <partition> <number>           positions of devices at fences since what is under n
//	y <stream> <partition> <event id>         event at a fence that may still change
//	N <channel> 0 <clock> <partition> <number> notice that waits for a channel
//	O <channel> 0 <alert id>                  notice that a silence holds back: its clock, partition, number; notice
//	S <silence id>                            silence
//	b <view> <partition> <level> <start> <group key>  block of windows rolled up, from a group on
//	B <view> <partition> <level>              what there is of a level
//	E <pattern or table> <partition>          time from which on nothing was given up of it
//	A <alert> <partition> <key>               what an alert knows of a key
//	z <alert> <partition> <score> <part> <key> what a score in its conditions knows of a key

// Tables of the core.
const (
	TableLate     byte = 'l'
	TableRejected byte = 'r'
	TableFences   byte = 'f'
	TableAlerts   byte = 'a'
)

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func number(k []byte) uint32 { return binary.BigEndian.Uint32(k) }

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func key(prefix byte, parts ...uint32) []byte {
	k := make([]byte, 1, 32)
	k[0] = prefix
	for _, p := range parts {
		k = binary.BigEndian.AppendUint32(k, p)
	}
	return k
}

func appendTime(k []byte, us int64) []byte { return binary.BigEndian.AppendUint64(k, uint64(us)^1<<63) }

func readTime(k []byte) int64 { return int64(binary.BigEndian.Uint64(k) ^ 1<<63) }

func positionKey(partition uint32) []byte { return key('p', partition) }

func appliedKey(partition uint32, edge string) []byte { return append(key('a', partition), edge...) }

func watermarkKey(partition, stream uint32, edge string) []byte {
	return append(key('w', partition, stream), edge...)
}

func windowKey(partition, view uint32, start int64, group []byte) []byte {
	return append(appendTime(key('v', view, partition), start), group...)
}

func sessionKey(partition, view uint32, group []byte, start int64) []byte {
	return appendTime(append(key('s', view, partition), group...), start)
}

func latestKey(partition, stream uint32, k []byte) []byte {
	return append(key('l', stream, partition), k...)
}

func effectKey(partition uint32, number uint64) []byte {
	return binary.BigEndian.AppendUint64(key('x', partition), number)
}

func entryKey(table byte, partition uint32, number uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte{'t', table}, u32(partition)...), number)
}

// after gives the smallest key above all that start with prefix.
func after(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
