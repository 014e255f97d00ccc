package linux

import "strings"

// An auditField is one key=value.
type auditField struct {
	key, value string
	decoded    string // where the value is in hexadecimal because of what is in it
	again      bool   // its name stood there already, or is one that we use ourselves
	plain      bool   // its name is letters, digits and the like
}

// unset tells whether a program wrote that it does not know.
func (f *auditField) unset() bool {
	return f.value == "?" || f.value == "(null)" || f.value == "(none)"
}

// text is the value, decoded.
func (f *auditField) text() string {
	if f.decoded != "" {
		return f.decoded
	}
	return f.value
}

// auditFields are fields in their order. Looking one up by its name does not go through all of them, since what is asked for most is not there.
type auditFields struct {
	list []auditField
	slot [64]uint8 // by hash of the name, which is the first field of that hash: counted from 1, 255 from there on
}

// hash parts most names that stand in one record from each other.
func hash(key string) uint8 {
	n := len(key)
	return (uint8(n) + key[0] + key[n-1] + key[n/2]*11) & 63 //nolint:gosec // the low bits of each are what counts
}

// find is the first field of a name; nil if there is none.
func (fs *auditFields) find(key string) *auditField {
	if at := fs.slot[hash(key)]; at > 0 {
		for i := int(at) - 1; i < len(fs.list); i++ {
			if fs.list[i].key == key {
				return &fs.list[i]
			}
		}
	}
	return nil
}

// add makes room for a field of that name, which is not empty, and returns it. It is good until the next is added.
func (fs *auditFields) add(key string, what trait, plain bool) *auditField {
	again := what&ours != 0 || fs.find(key) != nil || !plain && strings.IndexByte(key, '#') >= 0
	n := len(fs.list)
	if at := &fs.slot[hash(key)]; *at == 0 {
		*at = uint8(min(n+1, 255))
	}
	if n < cap(fs.list) {
		fs.list = fs.list[:n+1]
		fs.list[n] = auditField{key: key, plain: plain, again: again}
	} else {
		fs.list = append(fs.list, auditField{key: key, plain: plain, again: again})
	}
	return &fs.list[n]
}

// reset empties the fields, and keeps the room for as many if it is not too much.
func (fs *auditFields) reset() {
	list := fs.list[:0]
	if cap(list) > 128 {
		list = nil
	}
	*fs = auditFields{list: list}
}

// move takes the fields from one on to others.
func (fs *auditFields) move(from int, to *auditFields) {
	all := fs.list
	fs.slot, fs.list = [64]uint8{}, all[:0]
	for i, f := range all {
		set := fs
		if i >= from {
			set = to
		}
		g := set.add(f.key, traits(f.key), f.plain)
		g.value, g.decoded = f.value, f.decoded
	}
}
