package redisfeed

// TBD
//	ACL SETUSER jwtrelay-reader on >PASSWORD resetkeys %R~jwtrelay:{revocations}* \
//	resetchannels -@all +multi +exec +get +xrange +xread +xinfo|stream
//	ACL SETUSER jwtrelay-writer on >PASSWORD resetkeys ~jwtrelay:{revocations}* \
//	resetchannels -@all +multi +exec +get +xrange +xread +xinfo|stream +xadd +set
