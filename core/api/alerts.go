package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Alerts are what rules found; the core keeps them. Answers are ready for JSON, errors that are the client's are *RequestError or *StatementError.
type Alerts interface {
	// Alerts gives those that stand, and the rules.
	Alerts(q *AlertQuery) (any, error)
	// MakeAlert makes a rule.
	MakeAlert(ctx context.Context, q *NewAlert) (any, error)
	// AckAlert notes who takes care of one, and gives it as it is then.
	AckAlert(ctx context.Context, id, by string) (any, error)
	// Silences gives those in force, MakeSilence makes one, EndSilence ends one.
	Silences() any
	MakeSilence(ctx context.Context, q *NewSilence) (any, error)
	EndSilence(ctx context.Context, id string) error
}

// AlertQuery narrows the alerts asked for; an empty part is any.
type AlertQuery struct {
	State, Severity, Alert, Key string
	Labels                      []string // NAME=VALUE, all of them
}

// Matcher compares a part of an alert.
type Matcher struct {
	Name  string `json:"name"`  // alert, key, severity, a column of the key or a label
	Match string `json:"match"` // =, which it is if empty, !=, =~ or !~
	Value string `json:"value"`
}

// NewSilence keeps alerts that all matchers match from channels, until a time or for so long.
type NewSilence struct {
	Matchers []Matcher `json:"matchers"`
	Until    time.Time `json:"until"`
	For      string    `json:"for"`
	By       string    `json:"by"` // empty: operator
	Comment  string    `json:"comment"`
}

// NewAlert is a rule of a column and a threshold.
type NewAlert struct {
	MetricID           string   `json:"metric_id"` // VIEW.COLUMN
	Condition          string   `json:"condition"` // >, >=, <, <=, =, <>, or above, at_least, below, at_most, equal, not_equal
	Threshold          *float64 `json:"threshold"`
	NotificationMethod string   `json:"notification_method"` // names of channels, with commas between them; empty: none
	Severity           string   `json:"severity"`            // empty: warning
	Name               string   `json:"name"`                // empty: one made of the others
}

const (
	alertsPath   = "/api/v1/alerts"
	silencesPath = "/api/v1/silences"
	maxAlertBody = 64 << 10
	maxBy        = 200 // bytes of who acknowledges
)

func (s *server) alerts(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	for name := range v {
		if !slices.Contains(alertParameters, name) && name != "token" {
			fail(w, http.StatusBadRequest, "there is no parameter "+name+"; "+strings.Join(alertParameters, ", ")+" narrow the answer")
			return
		}
	}
	body, err := s.Parts.Alerts.Alerts(&AlertQuery{State: v.Get("state"), Severity: v.Get("severity"), Alert: v.Get("alert"), Key: v.Get("key"), Labels: v["label"]})
	answered(w, http.StatusOK, body, err)
}

var alertParameters = []string{"state", "severity", "alert", "key", "label"}

func (s *server) silences(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, s.Parts.Alerts.Silences())
}

func (s *server) makeSilence(w http.ResponseWriter, r *http.Request) {
	var q NewSilence
	if ok := readJSON(w, r, &q, false); ok {
		body, err := s.Parts.Alerts.MakeSilence(r.Context(), &q)
		answered(w, http.StatusCreated, body, err)
	}
}

func (s *server) endSilence(w http.ResponseWriter, r *http.Request) {
	if err := s.Parts.Alerts.EndSilence(r.Context(), r.PathValue("id")); err != nil {
		failWith(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
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
			"notification_method": object{"type": "string", "description": "names of channels, with commas between them"},
			"severity":            object{"type": "string", "enum": []string{"info", "warning", "critical"}, "default": "warning"}, "name": text}}}}}
}

// describeAlerts describes how the answer is narrowed.
func describeAlerts(op map[string]any) {
	type object = map[string]any
	about := map[string]string{"state": "pending, firing or acknowledged", "severity": "info, warning or critical", "alert": "name of the rule", "key": "what it is about, as key shows it",
		"label": "NAME=VALUE; may be given several times"}
	var parameters []object
	for _, name := range alertParameters {
		parameters = append(parameters, object{"name": name, "in": "query", "required": false, "schema": object{"type": "string"}, "description": about[name]})
	}
	op["parameters"] = parameters
}

// describeSilence describes what makes a silence.
func describeSilence(op map[string]any) {
	type object = map[string]any
	text := object{"type": "string"}
	matcher := object{"type": "object", "required": []string{"name", "value"}, "properties": object{
		"name":  object{"type": "string", "description": "alert, key, severity, a column of the key or a label (keys.NAME and labels.NAME say which)"},
		"match": object{"type": "string", "enum": []string{"=", "!=", "=~", "!~"}, "default": "="}, "value": text}}
	op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": object{"type": "object", "required": []string{"matchers"},
		"properties": object{"matchers": object{"type": "array", "minItems": 1, "items": matcher}, "until": object{"type": "string", "format": "date-time"},
			"for": object{"type": "string", "description": "such as 2h, instead of until"}, "by": text, "comment": text}}}}}
}
