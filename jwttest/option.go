package jwttest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// Option changes what [NewIssuer] makes.
type Option interface {
	applyIssuer(s *settings)
}

type option func(*settings)

func (o option) applyIssuer(s *settings) { o(s) }

// settings are what the options choose; they don't change afterwards.
type settings struct {
	url        string
	inMemory   bool
	clock      func() time.Time
	algorithms []keyset.Algorithm
	audience   []string
}

// validate says which option is to be used otherwise.
func (s settings) validate() error {
	for _, alg := range s.algorithms {
		if _, ok := recipeFor(alg); !ok {
			return fmt.Errorf("WithAlgorithms: algorithm %q is not supported", alg)
		}
	}
	if s.clock == nil {
		return errors.New("WithClock: nil clock")
	}
	return nil
}

func defaults() settings {
	return settings{
		clock:      time.Now, //nolint:forbidigo // the default of a clock that can be set
		algorithms: []keyset.Algorithm{keyset.ES256},
		audience:   []string{DefaultAudience},
	}
}

// WithURL sets the issuer identifier, the "iss" of its tokens, which is the
// URL of the issuer's server otherwise. Where the keys are served is not
// touched by it, except under [InMemory].
func WithURL(url string) Option {
	return option(func(s *settings) { s.url = url })
}

// InMemory makes an issuer that never touches the network, as a test in a
// [testing/synctest] bubble needs: all its URLs are below [Issuer.URL], which
// is https://issuer.test unless [WithURL] sets another, and only
// [Issuer.Client] reaches them. For a bubble, make the issuer inside of it.
func InMemory() Option {
	return option(func(s *settings) { s.inMemory = true })
}

// WithClock sets the clock that tokens and exchanges are dated by. Without it that is
// [time.Now], which follows the fake clock in a [testing/synctest] bubble.
func WithClock(now func() time.Time) Option {
	return option(func(s *settings) { s.clock = now })
}

// WithAlgorithms sets what the issuer has keys for from the start. It signs
// with the first unless told otherwise. Without this option that is ES256.
func WithAlgorithms(first keyset.Algorithm, more ...keyset.Algorithm) Option {
	return option(func(s *settings) { s.algorithms = append([]keyset.Algorithm{first}, more...) })
}

// WithAudience sets the audience of tokens that don't name their own, which is
// [DefaultAudience] otherwise.
func WithAudience(audience ...string) Option {
	return option(func(s *settings) { s.audience = slices.Clone(audience) })
}
