package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

// testKey is what jobs are sealed with.
var testKey = []byte("a key of 32 bytes, for tests only")[:sealKeySize]

func TestASealedTokenOpensForItsJobOnly(t *testing.T) {
	t.Parallel()
	raw := jwttest.NewIssuer(t, jwttest.InMemory()).Token()
	plain := Job{ID: "1", Owner: token.Principal{Issuer: "https://id.example.com", Subject: "alice"}, Task: "export"}
	for name, test := range map[string]struct {
		change func(*Job)
		key    []byte
		opens  bool
	}{
		"as it was":            {opens: true},
		"another id":           {change: func(j *Job) { j.ID = "2" }},
		"another owner":        {change: func(j *Job) { j.Owner.Subject = "mallory" }},
		"another issuer":       {change: func(j *Job) { j.Owner.Issuer = "https://evil.example.com" }},
		"another task":         {change: func(j *Job) { j.Task = "transfer" }},
		"parts that are moved": {change: func(j *Job) { j.Owner.Subject, j.Task = "aliceex", "port" }},
		"one bit":              {change: func(j *Job) { j.Sealed[len(j.Sealed)/2] ^= 1 }},
		"cut short":            {change: func(j *Job) { j.Sealed = j.Sealed[:len(j.Sealed)-1] }},
		"shorter than a nonce": {change: func(j *Job) { j.Sealed = j.Sealed[:5] }},
		"nothing":              {change: func(j *Job) { j.Sealed = nil }},
		"not sealed":           {change: func(j *Job) { j.Sealed = []byte(raw) }},
		"the key of another":   {key: bytes.Repeat([]byte{1}, sealKeySize)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.key == nil {
				test.key = testKey
			}
			job := must(newSealer(testKey)).seal(plain, raw)
			if test.change != nil {
				test.change(&job)
			}
			got, err := must(newSealer(test.key)).open(job)
			if opened := got == raw && err == nil; opened != test.opens {
				t.Errorf("opened: %v", opened)
			}
			if !test.opens && (got != "" || !errors.Is(err, errSeal)) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestASealedTokenShowsNothing(t *testing.T) {
	t.Parallel()
	s := must(newSealer(testKey))
	one, two := s.seal(Job{ID: "1"}, "eyJ.eyJ.sig").Sealed, s.seal(Job{ID: "1"}, "eyJ.eyJ.sig").Sealed
	if bytes.Contains(one, []byte("eyJ")) || bytes.Equal(one, two) {
		t.Error("it can be read, or looks the same again")
	}
}

func TestASealersKeyHas32Bytes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 16, 24, 31, 33} { // 16 and 24 would be AES, too
		if s, err := newSealer(make([]byte, size)); err == nil || s != nil {
			t.Errorf("%d bytes will do", size)
		}
	}
}
