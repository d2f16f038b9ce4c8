package payload

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/hexpane/hexpane/protocol/payload/tahu"
)

// Limits of what one stream remembers of births. A birth that doesn't fit is rejected, and its data after it.
const (
	maxSparkplugDevices = 1 << 16 // nodes and devices
	maxSparkplugAliases = 1 << 20 // of all of them together: about 80 MiB
	maxSparkplugID      = 256     // bytes of a group, node or device
)

var errSparkplugFull = errors.New("too many nodes, devices or aliases are alive")

// births are what nodes and devices said of their metrics when they were born. They are in memory alone: after a restart,
// metrics without a name are not known until the next birth.
type births struct {
	nodes            map[nodeID]*sparkplugNode
	devices, aliases int
}

type nodeID struct{ group, node string }

type sparkplugNode struct {
	session  uint64 // bdSeq of the birth
	known    bool   // there was one
	byDevice map[string]*birth
}

// birth is that of one device, or with the name "" of the node itself.
type birth struct {
	aliases map[uint64]definition
	types   map[int]tahu.DataType // of metrics without an alias, by column
}

// definition is what an alias means.
type definition struct {
	columns  []int // nil: no column wants it
	how      match
	datatype tahu.DataType
}

func (b *births) find(node nodeID, device string) *birth {
	if n := b.nodes[node]; n != nil {
		return n.byDevice[device]
	}
	return nil
}

// replace sets the birth of a device. A node's makes its devices unborn.
func (b *births) replace(node nodeID, device string, to *birth) error {
	if device == "" {
		b.dropNode(node)
	} else {
		b.drop(node, device)
	}
	if b.devices >= maxSparkplugDevices || b.aliases+len(to.aliases) > maxSparkplugAliases {
		return errSparkplugFull
	}
	n := b.nodes[node]
	if n == nil {
		n = &sparkplugNode{byDevice: map[string]*birth{}}
		b.nodes[nodeID{strings.Clone(node.group), strings.Clone(node.node)}] = n
	}
	n.byDevice[strings.Clone(device)] = to
	b.devices++
	b.aliases += len(to.aliases)
	return nil
}

func (b *births) drop(node nodeID, device string) {
	n := b.nodes[node]
	if n == nil || n.byDevice[device] == nil {
		return
	}
	b.devices--
	b.aliases -= len(n.byDevice[device].aliases)
	if delete(n.byDevice, device); len(n.byDevice) == 0 {
		delete(b.nodes, node)
	}
}

func (b *births) dropNode(node nodeID) {
	if n := b.nodes[node]; n != nil {
		for _, device := range n.names() {
			b.drop(node, device)
		}
	}
}

// names are the node's devices in order, first itself.
func (n *sparkplugNode) names() []string { return slices.Sorted(maps.Keys(n.byDevice)) }
