package revocation_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

// TestWhatAnEntryMatches runs in a bubble, whose clock begins at a whole second.
func TestWhatAnEntryMatches(t *testing.T) {
	t.Parallel()
	opts := func(options ...jwttest.TokenOption) []jwttest.TokenOption { return options }
	at := func(seconds float64) jwttest.TokenOption {
		return jwttest.Claim("iat", float64(bubbleStart.Unix())+seconds)
	}
	const elsewhere = "https://elsewhere.example.com"
	for name, test := range map[string]struct {
		entry   made
		token   []jwttest.TokenOption
		revoked bool
	}{
		"its id":                            {withID("t-1"), opts(jwttest.ID("t-1")), true},
		"another id":                        {withID("t-1"), opts(jwttest.ID("t-2")), false},
		"its id, elsewhere":                 {func(world, *token.Token) revocation.Entry { return revocation.TokenID(elsewhere, "t-1", time.Time{}) }, opts(jwttest.ID("t-1")), false},
		"its session":                       {ofSession("s-1"), opts(sid("s-1")), true},
		"another session":                   {ofSession("s-1"), opts(sid("s-2")), false},
		"its session, elsewhere":            {func(world, *token.Token) revocation.Entry { return revocation.Session(elsewhere, "s-1") }, opts(sid("s-1")), false},
		"a session, of one with none":       {ofSession("s-1"), nil, false},
		"an id that is its session":         {withID("s-1"), opts(sid("s-1")), false},
		"its user, a second before":         {principal("alice", 0), opts(at(-1)), true},
		"its user, an instant before":       {principal("alice", 0), opts(at(-0.001)), true},
		"its user, the same second":         {principal("alice", 0), opts(at(0)), false},
		"its user, later in that second":    {principal("alice", 900*time.Millisecond), opts(at(0)), false},
		"its user, a second later":          {principal("alice", 0), opts(at(1)), false},
		"its user, who knows when":          {principal("alice", -time.Minute), opts(jwttest.Without("iat")), true},
		"another user":                      {principal("bob", time.Minute), nil, false},
		"its user, in the far future":       {principal("alice", 24*time.Hour), opts(at(29)), true},
		"its user, past the leeway of that": {principal("alice", 24*time.Hour), opts(at(30)), false},
		"its issuer": {func(w world, _ *token.Token) revocation.Entry {
			return revocation.Issuer(w.issuer.URL(), bubbleStart.Add(time.Second))
		}, nil, true},
		"its issuer, the same second": {func(w world, _ *token.Token) revocation.Entry { return revocation.Issuer(w.issuer.URL(), bubbleStart) }, nil, false},
		"another issuer": {func(world, *token.Token) revocation.Entry {
			return revocation.Issuer(elsewhere, bubbleStart.Add(time.Second))
		}, nil, false},
		"itself":             {itself, nil, true},
		"itself, without id": {itself, opts(jwttest.Without("jti")), true},
		"one without id that says else": {func(w world, _ *token.Token) revocation.Entry {
			return revocation.Token(w.token(jwttest.Without("jti")))
		}, opts(jwttest.Without("jti"), sid("x")), false},
		"itself, with an endless id": {itself, opts(jwttest.ID(strings.Repeat("a", 2000))), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				list := newList(t, revocation.Config{})
				var before, after bell
				verified := w.token(test.token...)
				defer list.OnRevoked(verified, before.ring)()
				entry := test.entry(w, verified)
				revoke(t, list, entry, entry)
				wantRevoked(t, list, verified, test.revoked)
				defer list.OnRevoked(verified, after.ring)()
				told := int32(0)
				if test.revoked {
					told = 1
				}
				before.want(t, told)
				after.want(t, told)
			})
		})
	}
}

// bubbleStart is when time begins in every bubble.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// made makes an entry in a world, for a token or for another.
type made func(w world, t *token.Token) revocation.Entry

func itself(_ world, t *token.Token) revocation.Entry { return revocation.Token(t) }

func withID(id string) made {
	return func(w world, _ *token.Token) revocation.Entry {
		return revocation.TokenID(w.issuer.URL(), id, time.Time{})
	}
}

func ofSession(id string) made {
	return func(w world, _ *token.Token) revocation.Entry { return revocation.Session(w.issuer.URL(), id) }
}

func principal(subject string, after time.Duration) made {
	return func(w world, _ *token.Token) revocation.Entry {
		return revocation.Principal(token.Principal{Issuer: w.issuer.URL(), Subject: subject}, bubbleStart.Add(after))
	}
}

// An ECDSA signature can be changed by who holds the token: the other token says the
// same and must be revoked too.
func TestATokenWithAnotherSignatureIsRevokedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := newList(t, revocation.Config{})
	at := time.Now()
	same := []jwttest.TokenOption{jwttest.Without("jti"), jwttest.IssuedAt(at), jwttest.Claim("exp", at.Add(time.Minute).Unix())}
	first, second := w.token(same...), w.token(same...) // ES256 signs with a random number
	if first.Raw() == second.Raw() {
		t.Fatal("the signatures are the same")
	}
	revoke(t, list, revocation.Token(first))
	wantRevoked(t, list, second, true)
}

func TestEntriesAreForgottenWhenNoTokenCanMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	issuer := w.issuer.URL()
	now := bubbleStart
	for name, test := range map[string]struct {
		entry revocation.Entry
		after time.Duration // from which on it may be forgotten
	}{
		"a token whose end is known":   {revocation.TokenID(issuer, "t", now.Add(10*time.Minute)), 10*time.Minute + 30*time.Second},
		"a token":                      {revocation.TokenID(issuer, "t", time.Time{}), lifetime + time.Minute},
		"a token that never ends":      {revocation.TokenID(issuer, "t", now.Add(1000*time.Hour)), lifetime + time.Minute},
		"a session":                    {revocation.Session(issuer, "s"), lifetime + time.Minute},
		"a session that ended before":  {revocation.Session(issuer, "s").At(now.Add(-time.Minute)), lifetime},
		"a session that ends tomorrow": {revocation.Session(issuer, "s").At(now.Add(24 * time.Hour)), lifetime + 90*time.Second},
		"a user":                       {revocation.Principal(token.Principal{Issuer: issuer, Subject: "alice"}, now), lifetime + 30*time.Second},
		"a user, from tomorrow":        {revocation.Principal(token.Principal{Issuer: issuer, Subject: "alice"}, now.Add(24*time.Hour)), lifetime + time.Minute},
		"an issuer":                    {revocation.Issuer(issuer, now.Add(-time.Minute)), lifetime - 30*time.Second},
		"a token that has expired":     {revocation.TokenID(issuer, "t", now.Add(-30*time.Second)), 0},
		"a session of the day before":  {revocation.Session(issuer, "s").At(now.Add(-24 * time.Hour)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				list := newList(t, revocation.Config{})
				revoke(t, list, test.entry)
				if test.after == 0 {
					wantEntries(t, list, 0)
					return
				}
				time.Sleep(test.after - time.Nanosecond)
				wantEntries(t, list, 1)
				time.Sleep(2 * time.Minute) // it is swept by the minute
				wantEntries(t, list, 0)
				revoke(t, list, test.entry.At(time.Now())) // and may come again
			})
		})
	}
}

// TestTheLastSecondInWhichAnEntryMatters has entries that arrive when the last token
// that they match is accepted for one more second, and for none.
func TestTheLastSecondInWhichAnEntryMatters(t *testing.T) {
	t.Parallel()
	const issuer = "https://id.example.com"
	const leeway = 30 * time.Second
	for name, test := range map[string]struct {
		entry func(at time.Time) revocation.Entry
		until time.Duration // after at
	}{
		"a token that expires": {func(at time.Time) revocation.Entry { return revocation.TokenID(issuer, "t", at) }, leeway},
		"a token":              {func(at time.Time) revocation.Entry { return revocation.TokenID(issuer, "t", time.Time{}).At(at) }, lifetime + 2*leeway},
		"a session":            {func(at time.Time) revocation.Entry { return revocation.Session(issuer, "s").At(at) }, lifetime + 2*leeway},
		"a user":               {func(at time.Time) revocation.Entry { return revocation.Principal(alice(), at) }, lifetime + leeway},
		"an issuer":            {func(at time.Time) revocation.Entry { return revocation.Issuer(issuer, at) }, lifetime + leeway},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				list := newList(t, revocation.Config{Leeway: leeway})
				revoke(t, list, test.entry(bubbleStart.Add(-test.until)))
				wantEntries(t, list, 0)
				revoke(t, list, test.entry(bubbleStart.Add(time.Second-test.until)))
				wantEntries(t, list, 1)
			})
		})
	}
}

// A list that nobody asks for its status forgets, too.
func TestEntriesThatComeMakeOthersForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		list := newList(t, revocation.Config{})
		revoke(t, list, revocation.Session("https://id.example.com", "old"))
		time.Sleep(2 * lifetime)
		revoke(t, list, revocation.Session("https://id.example.com", "new"))
		if n := len(slices.Collect(list.Entries())); n != 1 {
			t.Errorf("%d entries, want 1", n)
		}
	})
}

// TestTimesThatAreCorrected reads them from what is listed.
func TestTimesThatAreCorrected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		user := func(before time.Duration) revocation.Entry {
			return revocation.Principal(alice(), bubbleStart.Add(before))
		}
		at := func(e revocation.Entry, after time.Duration) revocation.Entry { return e.At(bubbleStart.Add(after)) }
		for name, test := range map[string]struct{ says, means revocation.Entry }{
			"none":                        {user(0), at(user(0), 0)},
			"made within the leeway":      {at(user(0), 30*time.Second), at(user(0), 30*time.Second)},
			"made tomorrow":               {at(user(0), 24*time.Hour), at(user(0), 30*time.Second)},
			"before tomorrow":             {user(24 * time.Hour), at(user(30*time.Second), 0)},
			"before tomorrow, in advance": {at(user(24*time.Hour), 24*time.Hour), at(user(time.Minute), 30*time.Second)},
			"before now, made long ago":   {at(user(0), -time.Minute), at(user(-30*time.Second), -time.Minute)},
		} {
			list := newList(t, revocation.Config{Leeway: 30 * time.Second})
			revoke(t, list, test.says)
			if got := slices.Collect(list.Entries()); len(got) != 1 || got[0] != test.means {
				t.Errorf("%s: got %#v, want %#v", name, got, test.means)
			}
		}
	})
}

func wantEntries(t *testing.T, list *revocation.List, want int) {
	t.Helper()
	if got := list.Status().Entries; got != want {
		t.Errorf("%d entries, want %d", got, want)
	}
	if got := len(slices.Collect(list.Entries())); got != want {
		t.Errorf("%d entries to publish, want %d", got, want)
	}
}

// What a later entry for the same says is added to what an earlier one said.
func TestEntriesForTheSameAddUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		list := newList(t, revocation.Config{})
		alice := w.token().Principal()
		old, recent := w.token(jwttest.IssuedAt(bubbleStart.Add(-time.Minute))), w.token(jwttest.IssuedAt(bubbleStart))
		var toldOld, toldRecent bell
		defer list.OnRevoked(old, toldOld.ring)()
		defer list.OnRevoked(recent, toldRecent.ring)()
		revoke(t, list, revocation.Principal(alice, bubbleStart))
		wantRevoked(t, list, old, true)
		wantRevoked(t, list, recent, false)
		revoke(t, list, revocation.Principal(alice, bubbleStart.Add(time.Second)), revocation.Principal(alice, bubbleStart.Add(-time.Hour)))
		wantRevoked(t, list, recent, true)
		toldOld.want(t, 1)
		toldRecent.want(t, 1)
		time.Sleep(time.Hour + 30*time.Second)
		wantEntries(t, list, 1) // the later one's
	})
}

// Who logs out twice in a minute extends an entry that is due in that minute.
func TestAnEntryThatIsExtendedWithinAMinuteIsForgottenOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		list := newList(t, revocation.Config{})
		const issuer = "https://id.example.com"
		for range 90 { // and into the next
			revoke(t, list, revocation.Session(issuer, "s"))
			time.Sleep(time.Second)
		}
		time.Sleep(lifetime)
		wantEntries(t, list, 1) // for the time of the latest
		time.Sleep(3 * time.Minute)
		wantEntries(t, list, 0)
		revoke(t, list, revocation.Session(issuer, "s"))
		wantEntries(t, list, 1)
	})
}

func TestWhatIsListedCanBePublishedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		list := newList(t, revocation.Config{})
		entries := []revocation.Entry{
			revocation.TokenID(w.issuer.URL(), "t-1", bubbleStart.Add(time.Minute)),
			revocation.Token(w.token(jwttest.Without("jti"))),
			revocation.Session(w.issuer.URL(), "s-1"),
			revocation.Principal(w.token().Principal(), bubbleStart.Add(-time.Minute)),
			revocation.Issuer(w.issuer.URL(), bubbleStart.Add(-time.Minute)),
		}
		revoke(t, list, entries...)
		listed := slices.Collect(list.Entries())
		for i, e := range entries {
			if e = e.At(bubbleStart); !slices.Contains(listed, e) {
				t.Errorf("%d: %s is not among %v", i, e, listed)
			}
		}
		if len(listed) != len(entries) {
			t.Errorf("%d are listed", len(listed))
		}
		for range list.Entries() {
			break // whoever has enough may stop
		}
	})
}

func TestAnEntryThatMatchesNothingIsRefusedAndNothingIsAdded(t *testing.T) {
	t.Parallel()
	list := newList(t, revocation.Config{})
	for _, w := range []revocation.Writer{list, revocation.NewMemory()} {
		err := w.Revoke(t.Context(), revocation.Session("https://id.example.com", "s"), revocation.Entry{})
		if err == nil {
			t.Errorf("%T takes the zero entry", w)
		}
	}
	wantEntries(t, list, 0)
}

func TestIssuedBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		list := newList(t, revocation.Config{IssuedBefore: map[string]time.Time{
			w.issuer.URL():            bubbleStart,
			"https://old.example.com": bubbleStart.Add(-24 * time.Hour), // long past: nothing can match
		}})
		wantRevoked(t, list, w.token(jwttest.IssuedAt(bubbleStart.Add(-time.Second))), true)
		wantRevoked(t, list, w.token(), false)
		wantEntries(t, list, 1)
	})
}

func TestConfigurationsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	feed := revocation.NewMemory()
	for name, test := range map[string]struct {
		config revocation.Config
		says   string
	}{
		"no lifetime":             {revocation.Config{}, "MaxLifetime"},
		"a negative lifetime":     {revocation.Config{MaxLifetime: -time.Hour}, "MaxLifetime"},
		"a lifetime without unit": {revocation.Config{MaxLifetime: 900}, "MaxLifetime"},
		"an endless lifetime":     {revocation.Config{MaxLifetime: math.MaxInt64}, "MaxLifetime"},
		"a negative leeway":       {revocation.Config{MaxLifetime: time.Hour, Leeway: -1}, "leeway"},
		"an endless leeway":       {revocation.Config{MaxLifetime: time.Hour, Leeway: math.MaxInt64}, "leeway"},
		"an age without unit":     {revocation.Config{MaxLifetime: time.Hour, MaxAge: 60}, "MaxAge"},
		"a negative age":          {revocation.Config{MaxLifetime: time.Hour, MaxAge: -time.Hour}, "MaxAge"},
		"an endless age":          {revocation.Config{MaxLifetime: time.Hour, MaxAge: math.MaxInt64}, "MaxAge"},
		"a source without name":   {revocation.Config{MaxLifetime: time.Hour, Sources: []revocation.Source{{Feed: feed}}}, "Name"},
		"a source without feed":   {revocation.Config{MaxLifetime: time.Hour, Sources: []revocation.Source{{Name: "x"}}}, "Feed"},
		"two of one name":         {revocation.Config{MaxLifetime: time.Hour, Sources: []revocation.Source{{Name: "x", Feed: feed}, {Name: "x", Feed: feed}}}, "twice"},
		"a brake without time":    {revocation.Config{MaxLifetime: time.Hour, IssuedBefore: map[string]time.Time{"https://id.example.com": {}}}, "IssuedBefore"},
		"a brake for nobody":      {revocation.Config{MaxLifetime: time.Hour, IssuedBefore: map[string]time.Time{"": time.Now()}}, "IssuedBefore"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := revocation.NewList(test.config)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func TestAVerifierMustBeCovered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := newList(t, revocation.Config{MaxLifetime: time.Hour, Leeway: time.Minute})
	for name, test := range map[string]struct {
		lifetime, leeway time.Duration
		says             string
	}{
		"covered":         {time.Hour, time.Minute, ""},
		"lives longer":    {time.Hour + 1, time.Minute, "MaxLifetime"},
		"accepted longer": {time.Hour, time.Minute + 1, "Leeway"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := token.NewVerifier([]token.Issuer{{URL: w.issuer.URL(), Audiences: w.issuer.Audience(), Keys: w.issuer.Keys()}},
				token.WithRevocations(list), token.MaxLifetime(test.lifetime), token.Leeway(test.leeway))
			if (err != nil) != (test.says != "") || (err != nil && !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Not parallel: it counts allocations.
func TestAskingAllocatesNothing(t *testing.T) { //nolint:paralleltest // see above
	w := newWorld(t)
	list := newList(t, revocation.Config{})
	for i := range 1000 {
		n := strconv.Itoa(i)
		revoke(t, list, revocation.TokenID(w.issuer.URL(), n, time.Time{}), revocation.Session(w.issuer.URL(), n),
			revocation.Principal(token.Principal{Issuer: w.issuer.URL(), Subject: n}, time.Now()),
			revocation.Token(w.token(jwttest.Without("jti"), jwttest.Subject(n))))
	}
	revoke(t, list, revocation.Issuer(w.issuer.URL(), time.Now().Add(-time.Minute)))
	valid, revoked := w.token(sid("mine")), w.token(sid("7"))
	if allocs := testing.AllocsPerRun(100, func() {
		wantRevoked(t, list, valid, false)
		wantRevoked(t, list, revoked, true)
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestManyAskWhileManyAreRevokedAndForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := newList(t, revocation.Config{})
	issuer := w.issuer.URL()
	kept, never := w.token(sid("kept")), w.token(sid("never"))
	revoke(t, list, revocation.Session(issuer, "kept"))
	var done, writers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		done.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					wantRevoked(t, list, kept, true)
					wantRevoked(t, list, never, false)
				}
			}
		})
	}
	for writer := range 2 {
		writers.Go(func() {
			for i := range 20_000 {
				id := strconv.Itoa(writer) + "-" + strconv.Itoa(i)
				if err := list.Revoke(t.Context(), revocation.Session(issuer, id)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	done.Wait()
	if n := list.Status().Entries; n != 40_001 {
		t.Errorf("%d entries", n)
	}
}
