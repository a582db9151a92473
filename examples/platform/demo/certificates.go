package demo

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/jwtrelay/jwtrelay/examples/platform/authority"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
)

// certificates writes certificates into the files of one demo.
type certificates struct {
	dir       string
	authority *authority.Authority
}

// newCertificates makes an authority, and writes its own certificate to dir.
func newCertificates(dir string) (certificates, error) {
	made, err := authority.New()
	if err != nil {
		return certificates{}, err
	}
	c := certificates{dir: dir, authority: made}
	return c, writeFile(c.authorityFile(), made.PEM())
}

// authorityFile is the file with the authority's own certificate.
func (c certificates) authorityFile() string { return filepath.Join(c.dir, "ca.pem") }

// issue makes a certificate for the role of that name.
func (c certificates) issue(name string) (process.TLSFlags, error) {
	files := process.TLSFlags{
		Cert: filepath.Join(c.dir, name+".pem"),
		Key:  filepath.Join(c.dir, name+"-key.pem"),
		CA:   c.authorityFile(),
	}
	cert, key, err := c.authority.Issue(name)
	if err != nil {
		return files, err
	}
	return files, errors.Join(writeFile(files.Cert, cert), writeFile(files.Key, key))
}

// writeFile writes a new file that only its owner can read.
func writeFile(path string, text []byte) error { return os.WriteFile(path, text, 0o600) }
