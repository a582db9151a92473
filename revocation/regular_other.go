//go:build !unix

package revocation

import "os"

const nonBlocking = 0

// fileID says nothing: a number that tells a file from others is not to be had from
// its description here. What is in the file has to do.
func fileID(os.FileInfo) string { return "" }

// syncDir does nothing: directories can't be synced here.
func syncDir(string) error { return nil }
