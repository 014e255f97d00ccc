//go:build race

package app

// sampled is one in how many rules the differential tests look at: the race detector has seen all there is to see after a few.
const sampled = 60
