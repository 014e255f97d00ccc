// Package ocsf reads events that are OCSF already, such as Security Lake has them: they are held against OCSF 1.8.0 and passed on.
//
// An event of version 1.8.0 stays as it is, text for text but for white space; where it has no metadata.uid, one is put in. An event of
// another version 1.x is made one of 1.8.0, since minor versions of OCSF only add: metadata.version becomes 1.8.0 and the former one stands
// under unmapped.metadata.version; attributes that are null, as exports of tables have them, are left out; attributes that 1.8.0 does not
// know (of extensions, of later versions) or not without a profile move to unmapped with their own names and nesting. All else has to be
// valid as it is.
//
// Refused, with the reason: an event without class_uid or of a class that riposte does not read, without metadata.version or of another major
// version, and one that is not valid: a required attribute is missing, a type or a value of an enumeration is wrong, type_uid is not
// class_uid*100+activity_id.
package ocsf
