package influx

import (
	"errors"
	"net/http"
	"time"

	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
)

// pace decides how many points a request carries. It begins small, doubles while a full request is quick, and halves when one is slow or fails: a server
// behind a long way takes large requests, one that is short of breath small ones, and where points trickle a request waits for some company.
//
//	stored in less than quick  → ×2, to Config.Batch
//	stored in more than slow, timed out, 429, 5xx, too large → ÷2, to least
type pace struct{ size, most int }

const (
	firstSize = 1000
	least     = 50
	quick     = time.Second
	slow      = 5 * time.Second
	// company is how long points wait for others while they would not fill a request.
	company = 100 * time.Millisecond
	// longest wait between two tries; a server that says when to come again is believed up to a minute.
	longest      = 10 * time.Second
	longestAsked = time.Minute
)

func newPace(most int) pace { return pace{size: min(firstSize, most), most: most} }

// stored is told of a request that was, with so many points.
func (p *pace) stored(points int, took time.Duration) {
	switch {
	case took > slow:
		p.failed(points)
	case took < quick && points >= p.size:
		p.size = min(p.most, 2*p.size)
	}
}

// failed is told of a request that a smaller one may do better than.
func (p *pace) failed(points int) {
	p.size = min(p.size, max(points/2, min(least, p.most)))
}

// tooLarge reports that the server minds the size of the request alone.
func tooLarge(err error) bool {
	var e *influxhttp.Error
	return errors.As(err, &e) && e.StatusCode == http.StatusRequestEntityTooLarge
}

// wait before the next try.
func wait(err error, tries int) time.Duration {
	var e *influxhttp.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		return min(longestAsked, time.Duration(e.RetryAfter)*time.Second)
	}
	return min(longest, 100*time.Millisecond<<min(tries, 10))
}
