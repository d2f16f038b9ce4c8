package ingest

import "time"

// Limits of a broker; each has a reason in hexpane_edge_ingest_refused_total, or a metric of its own. Zero is no limit where the
// comment says so, and not allowed elsewhere.
type Limits struct {
	ClientBytes       int           // largest packet
	ConnectBytes      int           // largest CONNECT, and all that is read of a client before it logged in
	Clients           int64         // logged in at once
	Pending           int           // connections at once that did not log in yet; past it the oldest of them goes
	ConnectWithin     time.Duration // that a connection has to log in; 0: 10 s
	ConnectRate       float64       // connections taken a second; 0: any
	SourceConnectRate float64       // the same from one address; 0: any
	MessageRate       float64       // messages a second of one client; 0: any
	ByteRate          float64       // bytes a second of one client; 0: any
	ArrivingBytes     int64         // of all packets above bigPacket that are still coming in
	UnreadBytes       int           // what one client may leave unread before it is disconnected
	Subscriptions     int           // of one client
	Inflight          uint16        // messages of QoS 1 and 2 of one client that are unacknowledged, either way
	QueuedBytes       int64         // of messages that wait for all clients' acknowledgements
	Sessions          int           // clients remembered, connected or not
	SessionExpiry     time.Duration // how long one that is not connected is remembered
	Retained          int           // retained messages
	RetainedBytes     int64         // of these
	TopicBytes        int           // of a topic, and of a topic filter
	TopicLevels       int           // of the same
}
