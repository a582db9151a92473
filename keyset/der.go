package keyset

// The tags and lengths of X.690 sections 8.1, 8.3 and 8.9 that an ECDSA signature
// needs.
const (
	derInteger  = 0x02
	derSequence = 0x30
	derLong     = 0x81 // before a length over derShort
	derShort    = 0x7f
)

// maxECDSA is the length in bytes of the longest signature that appendECDSA makes:
// a tag and two bytes of length, and twice a tag, a length, a zero, and the 66
// bytes of P-521.
const maxECDSA = 3 + 2*(3+66)

// appendECDSA appends the ASN.1 form of an ECDSA signature (RFC 3279 section
// 2.2.3), which is what the standard library verifies, in DER. r and s are
// unsigned, big-endian, of 66 bytes at most, and not empty.
func appendECDSA(der, r, s []byte) []byte {
	r, s = trimZeros(r), trimZeros(s)
	length := sizeOfInteger(r) + sizeOfInteger(s)
	der = append(der, derSequence)
	if length > derShort {
		der = append(der, derLong)
	}
	der = append(der, byte(length)) //nolint:gosec // 138 at most
	return appendInteger(appendInteger(der, r), s)
}

// trimZeros drops the zeros in front of a number. Zero itself keeps one.
func trimZeros(number []byte) []byte {
	for len(number) > 1 && number[0] == 0 {
		number = number[1:]
	}
	return number
}

// signByte returns 1 for a number whose first bit is set, and else 0: ASN.1 takes
// that bit for a sign, so that a zero must come first.
func signByte(number []byte) int { return int(number[0] >> 7) }

// sizeOfInteger returns how many bytes appendInteger appends.
func sizeOfInteger(number []byte) int { return 2 + signByte(number) + len(number) }

func appendInteger(der, number []byte) []byte {
	sign := signByte(number)
	der = append(der, derInteger, byte(sign+len(number))) //nolint:gosec // 67 at most
	der = append(der, make([]byte, sign)...)
	return append(der, number...)
}
