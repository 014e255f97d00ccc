package table

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

func configRows() []Action { return []Action{configRecorder()} }

func configRecorder() Action {
	type recorders map[string]bool // by name, whether it records
	return action(row[*configservice.Client, recorders]{
		Name: "config-start-recorder", Controls: []string{"Config.1"}, Target: accountKind(true), API: (*cloud.Clients).ConfigService,
		Does:         "Starts the recorder of AWS Config again that was stopped. One that does not exist is not made.",
		Irreversible: "what changed while it was stopped is not recorded; what was recorded in the meantime is paid for",
		Policy:       []string{"config:DescribeConfigurationRecorderStatus", "config:StartConfigurationRecorder", "config:StopConfigurationRecorder"},
		Do:           "start the AWS Config recorder of", Done: "has its AWS Config recorder on",
		Read: func(ctx context.Context, api *configservice.Client, _ input, _ *recorders) (recorders, error) {
			out, err := api.DescribeConfigurationRecorderStatus(ctx, &configservice.DescribeConfigurationRecorderStatusInput{})
			if err != nil {
				return nil, err
			}
			if len(out.ConfigurationRecordersStatus) == 0 {
				return nil, fault.Permanent(errors.New("AWS Config has no recorder that could be started"))
			}
			now := recorders{}
			for _, r := range out.ConfigurationRecordersStatus {
				now[aws.ToString(r.Name)] = r.Recording
			}
			return now, nil
		},
		Want: func(_ input, now recorders) (recorders, error) {
			all := recorders{}
			for name := range now {
				all[name] = true
			}
			return all, nil
		},
		Write: func(_ input, from, to recorders) (calls []call[*configservice.Client]) {
			for _, name := range slices.Sorted(maps.Keys(to)) {
				switch {
				case to[name] && !from[name]:
					calls = append(calls, calling((*configservice.Client).StartConfigurationRecorder, &configservice.StartConfigurationRecorderInput{ConfigurationRecorderName: &name}))
				case from[name] && !to[name]:
					calls = append(calls, calling((*configservice.Client).StopConfigurationRecorder, &configservice.StopConfigurationRecorderInput{ConfigurationRecorderName: &name}))
				}
			}
			return calls
		},
	})
}
