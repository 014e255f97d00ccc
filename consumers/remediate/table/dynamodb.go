package table

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/riposte-security/riposte/internal/cloud"
)

func dynamodbRows() []Action { return []Action{dynamoBackups(), dynamoProtect()} }

func tableKind() kind {
	return named("dynamodb-table", "table", func(id string) bool { return isName(id, 255, "._-") })
}

func dynamoBackups() Action {
	return action(row[*dynamodb.Client, bool]{
		Name: "dynamodb-enable-point-in-time-recovery", Controls: []string{"DynamoDB.2"}, Target: tableKind(), API: (*cloud.Clients).DynamoDB,
		Does:         "Turns continuous backups of a table on, so that it can be restored as it was at any second of the last weeks.",
		Irreversible: "an undo deletes the backups made in the meantime",
		Policy:       []string{"dynamodb:DescribeContinuousBackups", "dynamodb:UpdateContinuousBackups"},
		Do:           "turn point-in-time recovery on for", Done: "has point-in-time recovery",
		Read: func(ctx context.Context, api *dynamodb.Client, in input, _ *bool) (bool, error) {
			out, err := api.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &in.ID})
			if err != nil || out.ContinuousBackupsDescription == nil || out.ContinuousBackupsDescription.PointInTimeRecoveryDescription == nil {
				return false, err
			}
			return out.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus == types.PointInTimeRecoveryStatusEnabled, nil
		},
		Want: always(true),
		Write: func(in input, _, on bool) []call[*dynamodb.Client] {
			return one((*dynamodb.Client).UpdateContinuousBackups, &dynamodb.UpdateContinuousBackupsInput{
				TableName: &in.ID, PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: &on},
			})
		},
		Code: declared("aws_dynamodb_table", "point-in-time recovery", "point_in_time_recovery {\n  enabled = true\n}", "PointInTimeRecoverySpecification:\n  PointInTimeRecoveryEnabled: true"),
	})
}

func dynamoProtect() Action {
	return action(row[*dynamodb.Client, bool]{
		Name: "dynamodb-protect-table", Controls: []string{"DynamoDB.6"}, Target: tableKind(), API: (*cloud.Clients).DynamoDB,
		Does:   "Turns the deletion protection of a table on.",
		Policy: []string{"dynamodb:DescribeTable", "dynamodb:UpdateTable"},
		Do:     "protect from deletion", Done: "is protected from deletion",
		Read: func(ctx context.Context, api *dynamodb.Client, in input, _ *bool) (bool, error) {
			out, err := api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &in.ID})
			if err != nil || out.Table == nil {
				return false, err
			}
			return aws.ToBool(out.Table.DeletionProtectionEnabled), nil
		},
		Want: always(true),
		Write: func(in input, _, on bool) []call[*dynamodb.Client] {
			return one((*dynamodb.Client).UpdateTable, &dynamodb.UpdateTableInput{TableName: &in.ID, DeletionProtectionEnabled: &on})
		},
		Code: declared("aws_dynamodb_table", "deletion protection", "deletion_protection_enabled = true", "DeletionProtectionEnabled: true"),
	})
}
