package payload

import (
	"encoding/base64"

	"github.com/hexpane/hexpane/protocol/value"
)

// AppendSenML writes records as a SenML JSON pack without base fields.
func AppendSenML(dst []byte, records []Record) []byte {
	dst = append(dst, '[')
	for i := range records {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		for j, f := range records[i].labelled() {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, '"'), labelNames[f.label]...), '"', ':')
			dst = f.value.AppendJSON(dst)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// AppendSenMLCBOR writes records as a SenML CBOR pack without base fields.
func AppendSenMLCBOR(dst []byte, records []Record) []byte {
	dst = appendCBORHead(dst, cborArray, uint64(len(records)))
	for i := range records {
		list := records[i].labelled()
		dst = appendCBORHead(dst, cborMap, uint64(len(list)))
		for _, f := range list {
			for at, l := range senMLLabels {
				if l == f.label {
					dst = appendCBORInt(dst, int64(at+firstSenMLLabel))
				}
			}
			if data, err := base64.RawURLEncoding.DecodeString(f.value.Str()); f.label == labelData && err == nil {
				dst = append(appendCBORHead(dst, cborByteString, uint64(len(data))), data...)
			} else {
				dst = appendCBORValue(dst, f.value)
			}
		}
	}
	return dst
}

type labelled struct {
	label label
	value value.Value
}

func (r *Record) labelled() []labelled {
	list := []labelled{{labelName, value.OfString(r.Name)}}
	if r.Unit != "" {
		list = append(list, labelled{labelUnit, value.OfString(r.Unit)})
	}
	for _, f := range []labelled{{labelTime, value.OfDouble(float64(r.TimeUs) / 1e6)}, {labelValue, r.Value}, {labelText, r.Text},
		{labelBool, r.Bool}, {labelSum, r.Sum}, {labelData, r.Data}} {
		if !f.value.IsNull() {
			list = append(list, f)
		}
	}
	return list
}
