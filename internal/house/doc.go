// Package house holds the tests of the repository as a whole: that others can
// use the module, that it can be renamed, that its documents are true and its
// files small.
package house
