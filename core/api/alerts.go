package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// Alerts are what rules found; the core keeps them. Answers are ready for JSON, errors that are the client's are *RequestError or *StatementError.
type Alerts interface {
	// Alerts gives those that stand, and the rules.
	Alerts(q *AlertQuery) (any, error)
	// MakeAlert makes a rule.
	MakeAlert(ctx context.Context, q *NewAlert) (any, error)
	// AckAlert notes who takes care of one, and gives it as it is then.
	AckAlert(ctx context.Context, id, by string) (any, error)
}

// AlertQuery narrows the alerts asked for; an empty part is any.
type AlertQuery struct {
	State, Severity, Alert string
}

// NewAlert is a rule of a column and a threshold.
type NewAlert struct {
	MetricID           string   `json:"metric_id"` // VIEW.COLUMN
	Condition          string   `json:"condition"` // >, >=, <, <=, =, <>, or above, at_least, below, at_most, equal, not_equal
	Threshold          *float64 `json:"threshold"`
	NotificationMethod string   `json:"notification_method"` // a channel's name; empty: none
	Severity           string   `json:"severity"`            // empty: warning
	Name               string   `json:"name"`                // empty: one made of the others
}

const (
	alertsPath   = "/api/v1/alerts"
	maxAlertBody = 64 << 10
	maxBy        = 200 // bytes of who acknowledges
)

func (s *server) alerts(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	for name := range v {
		if name != "state" && name != "severity" && name != "alert" && name != "token" {
			fail(w, http.StatusBadRequest, "there is no parameter "+name+"; state, severity and alert narrow the answer")
			return
		}
	}
	body, err := s.Parts.Alerts.Alerts(&AlertQuery{State: v.Get("state"), Severity: v.Get("severity"), Alert: v.Get("alert")})
	answered(w, http.StatusOK, body, err)
}

func (s *server) makeAlert(w http.ResponseWriter, r *http.Request) {
	var q NewAlert
	if ok := readJSON(w, r, &q, false); ok {
		body, err := s.Parts.Alerts.MakeAlert(r.Context(), &q)
		answered(w, http.StatusCreated, body, err)
	}
}

func (s *server) ackAlert(w http.ResponseWriter, r *http.Request) {
	var q struct {
		By string `json:"by"`
	}
	if ok := readJSON(w, r, &q, true); !ok {
		return
	}
	if len(q.By) > maxBy {
		fail(w, http.StatusBadRequest, "by: at most 200 bytes")
		return
	}
	if q.By == "" {
		q.By = "operator"
	}
	body, err := s.Parts.Alerts.AckAlert(r.Context(), r.PathValue("id"), q.By)
	answered(w, http.StatusOK, body, err)
}

func answered(w http.ResponseWriter, code int, body any, err error) {
	if err != nil {
		failWith(w, err)
		return
	}
	reply(w, code, body)
}

// readJSON reads an object of known fields; empty says whether there may be none.
func readJSON(w http.ResponseWriter, r *http.Request, into any, empty bool) bool {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAlertBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		fail(w, http.StatusRequestEntityTooLarge, "the body has more than 64 KiB")
		return false
	}
	if err == nil && empty && len(bytes.TrimSpace(text)) == 0 {
		return true
	}
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err = d.Decode(into); err == nil && d.More() {
			err = errors.New("there is more behind the object")
		}
	}
	if err != nil {
		fail(w, http.StatusBadRequest, "the body is not the JSON object wanted: "+err.Error())
	}
	return err == nil
}

// describeAlert describes what makes a rule.
func describeAlert(op map[string]any) {
	type object = map[string]any
	text := object{"type": "string"}
	op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": object{"type": "object",
		"required": []string{"metric_id", "condition", "threshold"}, "properties": object{
			"metric_id":           object{"type": "string", "description": "VIEW.COLUMN"},
			"condition":           object{"type": "string", "enum": []string{">", ">=", "<", "<=", "=", "<>", "above", "at_least", "below", "at_most", "equal", "not_equal"}},
			"threshold":           object{"type": "number"},
			"notification_method": object{"type": "string", "description": "the name of a channel"},
			"severity":            object{"type": "string", "enum": []string{"info", "warning", "critical"}, "default": "warning"}, "name": text}}}}}
}
