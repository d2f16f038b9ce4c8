package ingest

import (
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// door lets in whom the configuration names, and gives each client its identity: the name in its certificate, else its user name,
// else, where anyone may come, its client id.
type door struct {
	mqtt.HookBase
	server    *mqtt.Server
	gate      *gate
	limits    *Limits
	refused   *refusals
	passwords *passwords
	certified bool // certificates are an identity here
	acl       *ACL
}

func (*door) ID() string { return "hexpane-door" }

func (*door) Provides(b byte) bool {
	return b == mqtt.OnConnect || b == mqtt.OnConnectAuthenticate
}

const maxClientIDBytes = 512

// OnConnect decides; OnConnectAuthenticate, which mochi calls next, knows too few answers.
func (d *door) OnConnect(cl *mqtt.Client, pk packets.Packet) error {
	g := guestOf(cl)
	if g == nil {
		return packets.ErrNotAuthorized
	}
	why, code, sample := d.check(cl, g, pk)
	if code == packets.CodeSuccess {
		d.settle(cl, g)
		return nil
	}
	d.refused.add(why, cl.ID+" "+g.socket.source, sample)
	if v3, known := codesForV3[code]; known && cl.Properties.ProtocolVersion < 5 {
		code = v3
	}
	_ = d.server.SendConnack(cl, code, false, nil) // else it sees that the connection ends
	return code
}

// codesForV3 are codes that mochi translates to those of MQTT 3.
var codesForV3 = map[packets.Code]packets.Code{
	packets.ErrNotAuthorized:    packets.ErrBadUsernameOrPassword,
	packets.ErrTopicNameInvalid: packets.ErrBadUsernameOrPassword,
	packets.ErrQuotaExceeded:    packets.ErrServerUnavailable,
}

// OnConnectAuthenticate: OnConnect decided.
func (*door) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }

func (d *door) check(cl *mqtt.Client, g *guest, pk packets.Packet) (Reason, packets.Code, string) {
	user := string(pk.Connect.Username)
	if !sound(user) || !sound(cl.ID) || len(cl.ID) > maxClientIDBytes || len(user) > maxClientIDBytes {
		return RefusedIdentity, packets.ErrClientIdentifierNotValid, "a client id or user name that is too long, or has control characters"
	}
	switch {
	case g.cert != nil:
		name, err := nameOf(g.cert)
		if err != nil || !sound(name) {
			return RefusedIdentity, packets.ErrNotAuthorized, "a certificate without a usable common name"
		}
		if user != "" && user != name || pk.Connect.ClientIdentifier != "" && pk.Connect.ClientIdentifier != name {
			return RefusedIdentity, packets.ErrClientIdentifierNotValid, "the certificate is of " + name + ", the user name is " + user
		}
		if pk.Connect.ClientIdentifier == "" {
			cl.ID, cl.Properties.Props.AssignedClientID = name, name
		}
		g.who = name
	case d.passwords.any():
		if !d.passwords.right(user, pk.Connect.Password) {
			return RefusedCredentials, packets.ErrBadUsernameOrPassword, "user " + user
		}
		g.who = user
	case d.certified:
		return RefusedCredentials, packets.ErrNotAuthorized, "no certificate"
	}
	device := g.who
	if device == "" {
		device = cl.ID
	}
	g.rights = d.acl.rights(g.who, device, cl.ID)
	if g.rights.byName() && (!oneLevel(device) || !oneLevel(cl.ID)) {
		return RefusedIdentity, packets.ErrClientIdentifierNotValid, "a name with / + or # can't be a level of a topic"
	}
	if existing, known := d.server.Clients.Get(cl.ID); known {
		if other := guestOf(existing); other != nil && other.who != g.who {
			if !existing.Closed() {
				return RefusedIdentity, packets.ErrClientIdentifierNotValid, "the client id is in use by " + other.who
			}
			discard(d.server, existing) // what was for somebody else is not inherited
		}
	} else if d.server.Clients.Len() >= d.limits.Sessions {
		return RefusedSessions, packets.ErrQuotaExceeded, ""
	}
	if topic := pk.Connect.WillTopic; pk.Connect.WillFlag {
		switch {
		case !d.limits.soundTopic(topic):
			return RefusedWill, packets.ErrTopicNameInvalid, topic
		case !g.rights.mayPublish(topic):
			return RefusedWill, packets.ErrNotAuthorized, topic
		}
	}
	return "", packets.CodeSuccess, ""
}

func oneLevel(name string) bool {
	for i := range len(name) {
		if c := name[i]; c == '/' || c == '+' || c == '#' {
			return false
		}
	}
	return name != ""
}

func discard(server *mqtt.Server, cl *mqtt.Client) {
	server.UnsubscribeClient(cl)
	cl.ClearInflights()
	server.Clients.Delete(cl.ID)
}

func (d *door) settle(cl *mqtt.Client, g *guest) {
	// mochi forgets no alias of a topic that it sends, nor one whose first message it drops.
	cl.Properties.Props.TopicAliasMaximum = 0
	g.client = cl
	d.gate.admit(g.socket)
}
