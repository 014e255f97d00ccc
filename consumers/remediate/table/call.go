package table

import (
	"context"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// A call is one call on a client, not yet made, and what is printed of it.
type call[C any] struct {
	schemas.Call
	do func(context.Context, C) error
}

// calling is a call of a method of an AWS client with an input. What is printed is the input itself: no call is made of other parameters than a dry run
// shows.
func calling[C, I, O, P any](method func(C, context.Context, *I, ...func(*P)) (*O, error), in *I) call[C] {
	return checked(method, in, func(*O) error { return nil })
}

// checked is calling, where an answer may say by what is in it that the call failed.
func checked[C, I, O, P any](method func(C, context.Context, *I, ...func(*P)) (*O, error), in *I, check func(*O) error) call[C] {
	t := reflect.TypeFor[I]()
	params, _ := plain(reflect.ValueOf(in)).(map[string]any)
	return call[C]{
		schemas.Call{Service: path.Base(t.PkgPath()), Operation: strings.TrimSuffix(t.Name(), "Input"), Params: params},
		func(ctx context.Context, api C) error {
			out, err := method(api, ctx, in)
			if err != nil {
				return err
			}
			return check(out)
		},
	}
}

// one is the list of a single call.
func one[C, I, O, P any](method func(C, context.Context, *I, ...func(*P)) (*O, error), in *I) []call[C] {
	return []call[C]{calling(method, in)}
}

// plain turns a parameter into maps, lists, strings, numbers and booleans, as JSON has them; nil where nothing would be sent: for nil, and for the zero
// value of what is no pointer, which the SDK leaves out too.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		if e := v.Elem(); e.Kind() != reflect.Struct { // set, if only to false or ""
			return scalar(e)
		}
		return plain(v.Elem())
	case reflect.Struct:
		return plainStruct(v)
	case reflect.Slice, reflect.Array:
		var list []any
		for i := range v.Len() {
			list = append(list, scalar(v.Index(i)))
		}
		if list == nil {
			return nil
		}
		return list
	case reflect.Map:
		m := map[string]any{}
		for it := v.MapRange(); it.Next(); {
			m[it.Key().String()] = scalar(it.Value())
		}
		if len(m) == 0 {
			return nil
		}
		return m
	default:
		if v.IsZero() {
			return nil
		}
		return scalar(v)
	}
}

func plainStruct(v reflect.Value) any {
	if t, ok := reflect.TypeAssert[time.Time](v); ok {
		return t.UTC().Format(time.RFC3339Nano)
	}
	m := map[string]any{}
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() {
			if p := plain(v.Field(i)); p != nil {
				m[f.Name] = p
			}
		}
	}
	return m
}

// scalar is a value that is there, whatever it is.
func scalar(v reflect.Value) any {
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	default:
		return plain(v)
	}
}
