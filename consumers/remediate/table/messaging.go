package table

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func snsRows() []Action { return []Action{snsEncrypt(), snsPrivate()} }

func sqsRows() []Action { return []Action{sqsEncrypt(), sqsPrivate()} }

// topic completes a row that reads an attribute of a topic and sets it.
func topic[S any](attribute string, r row[*sns.Client, S], get func(string) (S, error), text func(from, to S) string) Action {
	r.Target = named("sns-topic", "topic", func(id string) bool { return isName(id, 256, "._-") })
	r.API, r.Policy = (*cloud.Clients).SNS, []string{"sns:GetTopicAttributes", "sns:SetTopicAttributes"}
	r.Read = func(ctx context.Context, api *sns.Client, in input, _ *S) (S, error) {
		var none S
		out, err := api.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: in.arn()})
		if err != nil {
			return none, err
		}
		return get(out.Attributes[attribute])
	}
	r.Write = func(in input, from, to S) []call[*sns.Client] {
		return one((*sns.Client).SetTopicAttributes, &sns.SetTopicAttributesInput{TopicArn: in.arn(), AttributeName: &attribute, AttributeValue: aws.String(text(from, to))})
	}
	return action(r)
}

func snsEncrypt() Action {
	return topic("KmsMasterKeyId", row[*sns.Client, string]{
		Name: "sns-encrypt-topic", Controls: []string{"SNS.1"},
		Does: "Has a topic encrypt its messages with a KMS key. One that does so already is left alone, whatever the key. With AWS's own key, services like S3 and CloudWatch cannot publish to it any more.",
		Settings: []schemas.Setting{
			{Name: "kms_key", Type: "string", Default: "alias/aws/sns", Help: "id, ARN or alias of the key"},
		},
		Do: "encrypt", Done: "is encrypted",
		Want: func(in input, now string) (string, error) {
			if now != "" {
				return now, nil
			}
			return in.text("kms_key"), nil
		},
		Same: sameKey,
		Code: declared("aws_sns_topic", "encryption", "kms_master_key_id = {{ quote .With.kms_key }}", "KmsMasterKeyId: {{ quote .With.kms_key }}"),
	}, func(key string) (string, error) { return key, nil }, func(_, key string) string { return key })
}

func snsPrivate() Action {
	return topic("Policy", row[*sns.Client, access]{
		Name: "sns-remove-public-access", Controls: []string{"SNS.4"},
		Does: "Takes statements that let everybody do something out of the policy of a topic; others stay. Where none is left, the topic gets the policy of a new one.",
		Do:   "take statements for everybody out of the policy of", Done: "lets nobody in whom it does not know",
		Want: private(func(in input) string {
			b, err := json.Marshal(map[string]any{"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": []any{map[string]any{
				"Sid": defaultStatement, "Effect": "Allow", "Principal": map[string]any{"AWS": "*"}, "Resource": *in.arn(),
				"Action": []string{"SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission", "SNS:DeleteTopic", "SNS:Subscribe",
					"SNS:ListSubscriptionsByTopic", "SNS:Publish"},
				"Condition": map[string]any{"StringEquals": map[string]string{"AWS:SourceOwner": in.Account}},
			}}})
			if err != nil { // maps of strings have a JSON form
				return ""
			}
			return string(b)
		}),
		Same: sameAccess,
	}, accessOf, access.towards)
}

// queueKind is a queue by its ARN, or by its URL as CloudTrail has it.
func queueKind() kind {
	k := named("sqs-queue", "queue", func(id string) bool { return isName(strings.TrimSuffix(id, ".fifo"), 80, "_-") })
	k.takes = "the queue's ARN, URL or name"
	byName := k.canonical
	k.canonical = func(raw, account, region string) (schemas.Target, error) {
		if rest, ok := strings.CutPrefix(raw, "https://sqs."); ok { // https://sqs.eu-central-1.amazonaws.com/123456789012/orders
			parts := strings.Split(rest, "/")
			where, domain, _ := strings.Cut(parts[0], ".")
			if len(parts) != 3 || !strings.HasPrefix(domain, "amazonaws.com") || !cloud.IsAccount(parts[1]) {
				return schemas.Target{}, fmt.Errorf("queue %q: not the URL of one (https://sqs.REGION.amazonaws.com/ACCOUNT/NAME)", raw)
			}
			raw, account, region = parts[2], parts[1], where
		}
		return byName(raw, account, region)
	}
	return k
}

// queueURL is the URL of a queue, by which the calls name it.
func (in input) queueURL() *string {
	domain := "amazonaws.com"
	if cloud.Partition(in.Region) == "aws-cn" {
		domain += ".cn"
	}
	return aws.String("https://sqs." + in.Region + "." + domain + "/" + in.Account + "/" + in.ID)
}

// queue completes a row that reads attributes of a queue and sets them.
func queue[S any](names []types.QueueAttributeName, r row[*sqs.Client, S], get func(map[string]string) (S, error), set func(from, to S) map[string]string) Action {
	r.Target, r.API, r.Policy = queueKind(), (*cloud.Clients).SQS, []string{"sqs:GetQueueAttributes", "sqs:SetQueueAttributes"}
	r.Read = func(ctx context.Context, api *sqs.Client, in input, _ *S) (S, error) {
		var none S
		if in.Account == "" || in.Region == "" {
			return none, fault.Permanent(errors.New("neither the event nor the rule says in which account and region the queue is"))
		}
		out, err := api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: in.queueURL(), AttributeNames: names})
		if err != nil {
			return none, err
		}
		return get(out.Attributes)
	}
	r.Write = func(in input, from, to S) []call[*sqs.Client] {
		return one((*sqs.Client).SetQueueAttributes, &sqs.SetQueueAttributesInput{QueueUrl: in.queueURL(), Attributes: set(from, to)})
	}
	return action(r)
}

func sqsEncrypt() Action {
	type encryption struct {
		Managed string `json:"sqs_managed,omitempty"` // "true": by keys of SQS's own
		Key     string `json:"kms_key,omitempty"`
	}
	const managed, key = types.QueueAttributeNameSqsManagedSseEnabled, types.QueueAttributeNameKmsMasterKeyId
	return queue([]types.QueueAttributeName{managed, key}, row[*sqs.Client, encryption]{
		Name: "sqs-encrypt-queue", Controls: []string{"SQS.1"},
		Does:     "Has a queue encrypt its messages. One that does so already is left alone, whatever the key.",
		Settings: []schemas.Setting{{Name: "kms_key", Type: "string", Help: "id, ARN or alias of a KMS key; without it, keys of SQS's own are used"}},
		Do:       "encrypt", Done: "is encrypted",
		Want: func(in input, now encryption) (encryption, error) {
			if now.Managed == "true" || now.Key != "" {
				return now, nil
			}
			if k := in.text("kms_key"); k != "" {
				return encryption{Key: k}, nil
			}
			return encryption{Managed: "true"}, nil
		},
		Same: func(a, b encryption) bool {
			return (a.Managed == "true") == (b.Managed == "true") && (a.Key == b.Key || sameKey(a.Key, b.Key))
		},
		Code: declared("aws_sqs_queue", "encryption", "{{ with .With.kms_key }}kms_master_key_id = {{ quote . }}{{ else }}sqs_managed_sse_enabled = true{{ end }}",
			"{{ with .With.kms_key }}KmsMasterKeyId: {{ quote . }}{{ else }}SqsManagedSseEnabled: true{{ end }}"),
	}, func(a map[string]string) (encryption, error) {
		e := encryption{Key: a[string(key)]}
		if a[string(managed)] == "true" {
			e.Managed = "true"
		}
		return e, nil
	}, func(from, to encryption) map[string]string {
		if to.Key != "" || from.Key != "" {
			return map[string]string{string(key): to.Key}
		}
		return map[string]string{string(managed): fmt.Sprint(to.Managed == "true")}
	})
}

func sqsPrivate() Action {
	const policy = types.QueueAttributeNamePolicy
	return queue([]types.QueueAttributeName{policy}, row[*sqs.Client, access]{
		Name: "sqs-remove-public-access", Controls: []string{"SQS.3"},
		Does: "Takes statements that let everybody do something out of the policy of a queue; others stay.",
		Do:   "take statements for everybody out of the policy of", Done: "lets nobody in whom it does not know",
		Want: private(nil),
		Same: sameAccess,
	}, func(a map[string]string) (access, error) { return accessOf(a[string(policy)]) },
		func(from, to access) map[string]string { return map[string]string{string(policy): from.towards(to)} })
}
