package edge

import (
	"strings"
	"testing"
)

func TestMQTTSettingsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*MQTTConfig)
		says   string // parts of the error, the key first; "" where nothing is wrong
	}{
		"as it is":        {func(*MQTTConfig) {}, ""},
		"no listener":     {func(c *MQTTConfig) { c.Listen = "" }, "listen: give an address"},
		"WebSocket alone": {func(c *MQTTConfig) { c.Listen, c.WebSocket.Listen = "", "127.0.0.1:0" }, ""},
		"small packets":   {func(c *MQTTConfig) { c.MaxPacketBytes = 10 }, "max_packet_bytes: 10"},
		"few sessions":    {func(c *MQTTConfig) { c.Limits.Sessions = 1 }, "limits.sessions: 1"},
		"no certificate":  {func(c *MQTTConfig) { c.TLS.Listen = "127.0.0.1:0" }, "tls.cert: a certificate and tls.key are needed"},
		"no such file":    {func(c *MQTTConfig) { c.TLS.Cert, c.TLS.Key = "/nowhere/a.crt", "/nowhere/a.key" }, "tls.cert /nowhere/a.crt"},
		"authority alone": {func(c *MQTTConfig) { c.TLS.ClientCA = "/ca.pem" }, "tls.client_ca: clients show certificates by TLS"},
		"optional":        {func(c *MQTTConfig) { c.TLS.Optional = true }, "tls.client_cert_optional"},
		"broken hash":     {func(c *MQTTConfig) { c.Users = map[string]string{"bus": "$2a$10$short"} }, "users: bus: not a bcrypt hash"},
		"anyone's topic":  {func(c *MQTTConfig) { c.ACL.Publish = []string{"devices/#"} }, "acl.publish: template \"devices/#\" has no {device}"},
		"broadcast":       {func(c *MQTTConfig) { c.ACL.Subscribe = []string{"broadcast/#"} }, ""},
		"wrong template":  {func(c *MQTTConfig) { c.ACL.Subscribe = []string{"a/#/{device}"} }, "acl.subscribe: template"},
		"user's topics":   {func(c *MQTTConfig) { c.ACL.Users = map[string]string{"panel": "write a"} }, "acl.users: panel: "},
		"path":            {func(c *MQTTConfig) { c.WebSocket.Path = "mqtt" }, "websocket.path: \"mqtt\""},
		"origin":          {func(c *MQTTConfig) { c.WebSocket.Origins = []string{"panel.example"} }, "websocket.origins: \"panel.example\""},
		"any origin":      {func(c *MQTTConfig) { c.WebSocket.Origins = []string{"*", "https://a.example:8443"} }, ""},
	} {
		cfg := testConfig("nats://127.0.0.1:4222").MQTT
		c.change(&cfg)
		err := cfg.Validate()
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.HasPrefix(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Beyond loopback every listener must ask who comes.
func TestListenersSayWhetherTheyAsk(t *testing.T) {
	cfg := testConfig("nats://127.0.0.1:4222").MQTT
	cfg.TLS.Listen, cfg.WebSocket.Listen = "0.0.0.0:8883", "0.0.0.0:8884"
	for _, asks := range []bool{false, true} {
		if l := cfg.Listeners(); len(l) != 3 || l[0].Asks != asks || l[1].Asks != asks || l[2].Asks != asks {
			t.Errorf("%+v", l)
		}
		cfg.TLS.ClientCA = "/ca.pem"
	}
}
