package main

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/token"
)

func TestASealedTokenOpensForItsJobOnly(t *testing.T) {
	t.Parallel()
	raw := jwttest.NewIssuer(t).Token()
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
			if !test.opens && (got != "" || !errors.Is(err, errSeal) || shows(err.Error(), raw)) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestASealedTokenShowsNothing(t *testing.T) {
	t.Parallel()
	raw := jwttest.NewIssuer(t).Token()
	s := must(newSealer(testKey))
	one, two := s.seal(Job{ID: "1"}, raw), s.seal(Job{ID: "1"}, raw)
	if shows(fmt.Sprintf("%s %+v", one.Sealed, one), raw) {
		t.Error("a part of the token can be read")
	}
	if bytes.Equal(one.Sealed, two.Sealed) {
		t.Error("the same token looks the same again")
	}
}

func TestASealersKeyHas32Bytes(t *testing.T) {
	t.Parallel()
	for size, ok := range map[int]bool{0: false, 16: false, 24: false, 31: false, 32: true, 33: false} {
		if s, err := newSealer(make([]byte, size)); (err == nil) != ok || (s != nil) != ok {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
