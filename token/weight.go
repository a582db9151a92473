package token

// What a token takes in memory beside its own text, in bytes, as was measured.
const (
	weightOfEntry  = 768 // in the cache, and all that has the same size in each token
	weightOfText   = 16  // one in a list, beside itself
	weightOfOwn    = 128 // claims of [WithClaims], and half of the text
	weightOfMember = 64  // in what [Token.HasClaim] looks at
)

// weight returns about how many bytes a token takes, with what was computed of it so far.
func (c *contents) weight() uint32 {
	length := len(c.authorization)
	weight := weightOfEntry + length + length/8 // memory comes in sizes
	weight += weightOfList(c.claims.Audience) + weightOfList(c.claims.Scope) + weightOfList(c.claims.SCP)
	if c.application != nil {
		weight += weightOfOwn + length/2
	}
	return uint32(weight + int(c.treeWeight.Load())) //nolint:gosec // a token is limited to 1 MiB
}

// weightOfList returns how many bytes a list takes. A token may have hundreds of scopes.
func weightOfList(list []string) int {
	weight := 0
	for _, text := range list {
		weight += weightOfText + len(text)
	}
	return weight
}

// weight returns how many bytes the tree takes, beside the strings in it.
func (c *claimTree) weight() int {
	weight := weightOfText * len(c.values)
	for i := range c.members {
		weight += weightOfMember + c.members[i].weight()
	}
	return weight
}
