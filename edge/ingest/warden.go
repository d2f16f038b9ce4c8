package ingest

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// warden holds clients that are in to their rights and limits: what they subscribe to, what is delivered to them, what is kept.
// What they publish is the tap's.
type warden struct {
	mqtt.HookBase
	server   *mqtt.Server
	limits   *Limits
	refused  *refusals
	retained *retained
	expiry   uint32 // longest that a session is kept, seconds

	queued  atomic.Int64 // bytes of messages that wait for acknowledgements
	dropped atomic.Int64 // messages not passed to clients that don't keep up
}

func (*warden) ID() string { return "hexpane-warden" }

func (*warden) Provides(b byte) bool {
	return bytes.IndexByte([]byte{mqtt.OnACLCheck, mqtt.OnSubscribe, mqtt.OnSubscribed, mqtt.OnUnsubscribe, mqtt.OnPacketEncode, mqtt.OnDisconnect, mqtt.OnClientExpired, mqtt.OnWill,
		mqtt.OnQosPublish, mqtt.OnQosComplete, mqtt.OnQosDropped, mqtt.OnRetainedExpired, mqtt.OnRetainPublished, mqtt.OnPacketSent}, b) >= 0
}

// OnACLCheck is asked before each delivery. It is asked for publishes too, before aliases are resolved; those the tap checks. And for
// subscriptions, which OnSubscribe checked.
func (w *warden) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	g := guestOf(cl)
	if write || g == nil {
		return true
	}
	if !g.subscribing.Load() && (g.socket.full() || w.queued.Load() > w.limits.QueuedBytes && g.queued.bytes.Load() > crowdedUnread) {
		w.dropped.Add(1)
		return false
	}
	if g.rights.subscribe == nil {
		return true
	}
	topic, _ = unshared(topic)
	return g.rights.maySubscribe(topic)
}

// OnSubscribe makes filters that are refused invalid, and keeps why: mochi itself knows only one reason.
func (w *warden) OnSubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	g := guestOf(cl)
	if g == nil {
		return pk
	}
	g.subscribing.Store(true)
	g.refusedSubs = make([]packets.Code, len(pk.Filters))
	room := w.limits.Subscriptions - cl.State.Subscriptions.Len()
	filters := make(packets.Subscriptions, len(pk.Filters))
	for i, sub := range pk.Filters {
		sub.Filter = strings.Clone(sub.Filter) // it would keep the whole packet
		filter, ok := unshared(sub.Filter)
		_, existed := cl.State.Subscriptions.Get(sub.Filter)
		var why Reason
		switch {
		case !ok || !w.limits.soundFilter(filter) || len(sub.Filter) > 2*w.limits.TopicBytes:
			why, g.refusedSubs[i] = RefusedTopic, packets.ErrTopicFilterInvalid
		case !g.rights.maySubscribe(filter):
			why, g.refusedSubs[i] = RefusedSubscribe, packets.ErrNotAuthorized
		case !existed && room <= 0:
			why, g.refusedSubs[i] = RefusedSubscriptions, packets.ErrQuotaExceeded
		default:
			if !existed {
				room--
			}
		}
		if why != "" {
			w.refused.add(why, g.name(), sub.Filter)
			sub.Filter = ""
		}
		filters[i] = sub
	}
	pk.Filters = filters
	g.answers, pk.PacketID = pk.PacketID, 0
	return pk
}

// OnUnsubscribe does by itself what mochi would refuse: it takes a client's packet ids and its own for the same.
func (w *warden) OnUnsubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	g := guestOf(cl)
	if _, taken := cl.State.Inflight.Get(pk.PacketID); !taken || g == nil {
		return pk
	}
	g.unsubscribed = make([]byte, len(pk.Filters))
	for i, sub := range pk.Filters {
		g.unsubscribed[i] = packets.CodeNoSubscriptionExisted.Code
		if w.server.Topics.Unsubscribe(sub.Filter, cl.ID) {
			atomic.AddInt64(&w.server.Info.Subscriptions, -1)
			g.unsubscribed[i] = packets.CodeSuccess.Code
		}
		cl.State.Subscriptions.Delete(sub.Filter)
	}
	return pk
}

// OnPacketEncode puts right the answers to both: a SUBSCRIBE has no packet id while mochi has it, for the same reason. And it tells
// MQTT 5 clients the limits that mochi does not.
func (w *warden) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	switch pk.FixedHeader.Type {
	case packets.Connack:
		pk.Properties.TopicAliasMaximum = topicAliases
		pk.Properties.MaximumPacketSize = uint32(min(w.limits.ClientBytes, math.MaxUint32))
	case packets.Suback:
		if g := guestOf(cl); g != nil {
			pk.PacketID = g.answers
		}
	case packets.Unsuback:
		if g := guestOf(cl); g != nil && g.unsubscribed != nil {
			pk.ReasonCodes, g.unsubscribed = g.unsubscribed, nil
			pk.Properties.ReasonString = ""
		}
	}
	return pk
}

// OnSubscribed puts the reasons into the answer, which is not written yet.
func (w *warden) OnSubscribed(cl *mqtt.Client, _ packets.Packet, reasonCodes []byte) {
	g := guestOf(cl)
	if g == nil {
		return
	}
	for i, code := range g.refusedSubs {
		if code.Code != 0 && i < len(reasonCodes) {
			if reasonCodes[i] = code.Code; cl.Properties.ProtocolVersion < 5 {
				reasonCodes[i] = packets.ErrUnspecifiedError.Code
			}
		}
	}
	g.refusedSubs, g.retained = nil, g.published.Load()
	g.subscribing.Store(false)
}

// OnPacketSent counts for OnRetainPublished.
func (w *warden) OnPacketSent(cl *mqtt.Client, pk packets.Packet, _ []byte) {
	if g := guestOf(cl); g != nil && pk.FixedHeader.Type == packets.Publish {
		g.published.Add(1)
	}
}

const (
	retainedAhead  = writesPending / 2
	retainedWithin = 2 * time.Second
)

// OnRetainPublished waits, if need be, until the client's writer has caught up: mochi drops what does not fit its queue, and many
// topics may hold a retained message. It is called by the client's own goroutine.
func (w *warden) OnRetainPublished(cl *mqtt.Client, _ packets.Packet) {
	g := guestOf(cl)
	if g == nil {
		return
	}
	g.retained++
	for end := time.Now().Add(retainedWithin); g.retained-g.published.Load() > retainedAhead && !cl.Closed() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// OnDisconnect: a session lasts no longer than may be, even if the client asks for it in its DISCONNECT.
func (w *warden) OnDisconnect(cl *mqtt.Client, _ error, expire bool) {
	if cl.Properties.Props.SessionExpiryInterval > w.expiry {
		cl.Properties.Props.SessionExpiryInterval = w.expiry
	}
	if g := guestOf(cl); g != nil && expire {
		g.queued.clear(&w.queued)
	}
}

// OnClientExpired takes what mochi leaves of a session.
func (w *warden) OnClientExpired(cl *mqtt.Client) {
	discard(w.server, cl)
	if g := guestOf(cl); g != nil {
		g.queued.clear(&w.queued)
	}
}

// OnWill drops a Will's retain flag if there is no room. Its topic was checked when the client connected.
func (w *warden) OnWill(cl *mqtt.Client, will mqtt.Will) (mqtt.Will, error) {
	if will.Retain && !w.retained.admit(will.TopicName, len(will.Payload)) {
		w.refused.add(RefusedRetained, cl.ID, will.TopicName)
		will.Retain = false
	}
	return will, nil
}

// OnRetainedExpired frees its room.
func (w *warden) OnRetainedExpired(topic string) { w.retained.admit(topic, 0) }

// OnQosPublish counts a message that waits for a client's acknowledgement.
func (w *warden) OnQosPublish(cl *mqtt.Client, pk packets.Packet, _ int64, _ int) {
	if g := guestOf(cl); g != nil && pk.FixedHeader.Type == packets.Publish {
		g.queued.set(pk.PacketID, len(pk.Payload)+len(pk.TopicName), &w.queued)
	}
}

// OnQosComplete forgets it.
func (w *warden) OnQosComplete(cl *mqtt.Client, pk packets.Packet) { w.OnQosDropped(cl, pk) }

// OnQosDropped forgets it.
func (w *warden) OnQosDropped(cl *mqtt.Client, pk packets.Packet) {
	if g := guestOf(cl); g != nil {
		g.queued.set(pk.PacketID, 0, &w.queued)
	}
}

// queued is what waits for one client's acknowledgements, by packet id.
type queued struct {
	mu    sync.Mutex
	sizes map[uint16]int32
	bytes atomic.Int64
}

// set puts a size, 0 for none, and counts the difference in all too.
func (q *queued) set(id uint16, size int, all *atomic.Int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	was := q.sizes[id]
	switch {
	case size == 0 && was == 0:
		return
	case size == 0:
		delete(q.sizes, id)
	default:
		if q.sizes == nil {
			q.sizes = map[uint16]int32{}
		}
		q.sizes[id] = int32(size)
	}
	q.bytes.Add(int64(size) - int64(was))
	all.Add(int64(size) - int64(was))
}

func (q *queued) clear(all *atomic.Int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sizes = nil
	all.Add(-q.bytes.Swap(0))
}

// retained knows the sizes of retained messages.
type retained struct {
	limits *Limits
	mu     sync.Mutex
	sizes  map[string]int
	bytes  int64
}

// admit reports whether a message of so many bytes may be retained, and takes its room; none takes a topic's message away.
func (r *retained) admit(topic string, size int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was, known := r.sizes[topic]
	if size == 0 {
		delete(r.sizes, topic)
		r.bytes -= int64(was)
		return true
	}
	size += len(topic)
	if !known && len(r.sizes) >= r.limits.Retained || r.bytes+int64(size-was) > r.limits.RetainedBytes {
		return false
	}
	r.sizes[strings.Clone(topic)] = size
	r.bytes += int64(size - was)
	return true
}

func (r *retained) size() (n int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sizes), r.bytes
}
