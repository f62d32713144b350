// Package model holds models of the lock protocol for the model checker Spin, and the test
// that runs it on them. See docs/proof.md.
package model
