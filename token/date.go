package token

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDate is the first second of the year 10000, past which RFC 3339 and much
// other software can't go.
const maxDate = 253402300800

// date returns the time of a NumericDate (RFC 7519 section 2): a JSON number of
// seconds since 1970, which may have a fraction. Strings, null, negative numbers
// and those past the year 9999 are refused.
func date(value jsontext.Value) (time.Time, error) {
	if kind := value.Kind(); kind != jsontext.KindNumber {
		return time.Time{}, fmt.Errorf("want a number, found %v", kind)
	}
	return parseDate(string(value))
}

func parseDate(number string) (time.Time, error) {
	if seconds, err := strconv.ParseInt(number, 10, 64); err == nil && seconds >= 0 && seconds < maxDate {
		return time.Unix(seconds, 0).UTC(), nil
	}
	seconds, err := strconv.ParseFloat(number, 64)
	if err != nil || seconds < 0 || seconds >= maxDate {
		return time.Time{}, errors.New("date out of range")
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*float64(time.Second))).UTC(), nil
}
