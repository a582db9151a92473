package keyset

import "strconv"

// maxQuoted is how much of an issuer's words goes into an error or a log line.
const maxQuoted = 64

// quote is %q of text, cut short: what an issuer sends may be a body's length.
func quote(text string) string { return quoteTo(maxQuoted, text) }

func quoteTo(most int, text string) string { return strconv.Quote(clipTo(most, text)) }

// clip cuts text short, and says so.
func clip(text string) string { return clipTo(maxQuoted, text) }

func clipTo(most int, text string) string {
	if len(text) <= most {
		return text
	}
	return text[:most] + "..."
}
