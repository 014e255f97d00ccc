package deploymentrollback

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const mostPages = 100 // of a listing

// LambdaAPI is what takes an alias back.
type LambdaAPI interface {
	GetAlias(context.Context, *lambda.GetAliasInput, ...func(*lambda.Options)) (*lambda.GetAliasOutput, error)
	ListVersionsByFunction(context.Context, *lambda.ListVersionsByFunctionInput, ...func(*lambda.Options)) (*lambda.ListVersionsByFunctionOutput, error)
	UpdateAlias(context.Context, *lambda.UpdateAliasInput, ...func(*lambda.Options)) (*lambda.UpdateAliasOutput, error)
}

type lambdaAlias struct{ Deps }

// names are of the function and its alias: arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS.
func (lambdaAlias) names(cmd schemas.Command) (function, alias string) {
	parts := append(strings.Split(cmd.Target.ID, ":"), make([]string, 8)...)
	return parts[6], parts[7]
}

func (k lambdaAlias) read(ctx context.Context, cmd schemas.Command, planning bool) (state, error) {
	api, err := k.Lambda(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return state{}, err
	}
	function, alias := k.names(cmd)
	out, err := api.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &function, Name: &alias})
	if err != nil {
		return state{}, cloud.Classify(err)
	}
	s := state{Version: aws.ToString(out.FunctionVersion), revision: aws.ToString(out.RevisionId), settled: true}
	if out.RoutingConfig != nil && len(out.RoutingConfig.AdditionalVersionWeights) > 0 {
		s.Weights = out.RoutingConfig.AdditionalVersionWeights
	}
	if !planning {
		return s, nil
	}
	return s, k.previous(ctx, api, cmd, &s)
}

// previous finds what to go back to. While traffic is shifted, the version that has the rest of it is the one before; else it is the newest that is older.
func (k lambdaAlias) previous(ctx context.Context, api LambdaAPI, cmd schemas.Command, s *state) error {
	with, err := settingsOf(cmd)
	if err != nil {
		return err
	}
	if with.Version != "" {
		s.back, s.from = &state{Version: with.Version}, "as the rule says"
		return nil
	}
	bad := map[string]bool{}
	request := gjson.GetBytes(cmd.Event, "api.request.data")
	for v := range request.Get("routingConfig.additionalVersionWeights").Map() {
		bad[v] = true
	}
	if v := request.Get("functionVersion").String(); len(bad) == 0 && v != "" {
		bad[v] = true
	}
	if len(bad) == 0 {
		return errUnknown()
	}
	switch {
	case slices.ContainsFunc(sortedKeys(s.Weights), func(v string) bool { return bad[v] }):
		s.back, s.from = &state{Version: s.Version}, "which has the rest of the traffic"
		return nil
	case !bad[s.Version]:
		s.from = "it points to version " + s.Version
		return nil
	}
	function, _ := k.names(cmd)
	v, err := newestBelow(ctx, api, function, s.Version)
	if err != nil {
		return err
	}
	s.back, s.from = &state{Version: v}, "the newest version before it"
	return nil
}

// newestBelow finds the newest published version that is older than one.
func newestBelow(ctx context.Context, api LambdaAPI, function, than string) (string, error) {
	best, in := 0, &lambda.ListVersionsByFunctionInput{FunctionName: &function}
	for range mostPages {
		out, err := api.ListVersionsByFunction(ctx, in)
		if err != nil {
			return "", cloud.Classify(err)
		}
		for _, v := range out.Versions {
			if n := number(aws.ToString(v.Version)); n < number(than) && n > best {
				best = n
			}
		}
		if in.Marker = out.NextMarker; aws.ToString(out.NextMarker) == "" {
			if best == 0 {
				return "", fault.Permanent(fmt.Errorf("there is no version before %s", than))
			}
			return strconv.Itoa(best), nil
		}
	}
	return "", fault.Permanent(errors.New("lambda ListVersionsByFunction: the pages do not end"))
}

// number is that of a version; $LATEST comes after all of them.
func number(version string) int {
	n, err := strconv.Atoi(version)
	if err != nil {
		return math.MaxInt
	}
	return n
}

func (k lambdaAlias) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	api, err := k.Lambda(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return err
	}
	function, alias := k.names(cmd)
	weights := to.Weights
	if weights == nil {
		weights = map[string]float64{} // takes away those that there are
	}
	_, err = api.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: &function, Name: &alias, FunctionVersion: &to.Version, RevisionId: aws.String(from.revision),
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights}})
	return cloud.Classify(err)
}

func (k lambdaAlias) call(cmd schemas.Command, to state) schemas.Call {
	function, alias := k.names(cmd)
	return schemas.Call{Service: "lambda", Operation: "UpdateAlias", Params: map[string]any{"FunctionName": function, "Name": alias, "FunctionVersion": to.Version}}
}

func (lambdaAlias) text(s state) string {
	parts := []string{"version " + s.Version}
	for _, v := range sortedKeys(s.Weights) {
		parts = append(parts, fmt.Sprintf("(with %g of the traffic for version %s)", s.Weights[v], v))
	}
	return strings.Join(parts, " ")
}
