// Package publish puts messages on an MQTT broker over paho and does not let go of one before it is acknowledged.
//
// A Publisher is one ordered connection. Messages go in by Publish and wait in a window until their PUBACK; when the
// connection is lost, it dials again with backoff, sends the window anew, in order, and goes on. So after Close and a
// nil from Run each QoS 1 message was acknowledged, some perhaps delivered twice; those of QoS 0 were written to the
// socket at least once.
//
// paho's own reconnect is not used: on resuming it completes the tokens of messages that were never acknowledged,
// without an error, which reads as an acknowledgement. Each connection here is a new paho client with a clean session,
// whose unfinished tokens fail when it is lost.
//
//	publisher.go  Config, Publisher: the window and the life across connections
//	session.go    one connection; conn.go gathers its writes
//	fleet.go      several Publishers, a message's topic choosing among them
package publish
