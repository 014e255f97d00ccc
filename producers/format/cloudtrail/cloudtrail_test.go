package cloudtrail_test

import (
	"testing"

	"github.com/riposte-security/riposte/producers/format/cloudtrail"
	"github.com/riposte-security/riposte/producers/format/formattest"
)

func suite() formattest.Suite {
	return formattest.Suite{New: cloudtrail.New, Scalars: formattest.JSONScalars, Free: []string{
		"/requestParameters/", "/responseElements/", "/detail/requestParameters/", "/detail/responseElements/",
	}}
}

func TestGolden(t *testing.T) { suite().Golden(t) }
