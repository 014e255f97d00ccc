package table

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

func ecrRows() []Action { return []Action{ecrScan(), ecrImmutable()} }

// repository completes a row that reads an attribute of a repository of images.
func repository[S any](r row[*ecr.Client, S], permission string, get func(*types.Repository) S) Action {
	r.Target = named("ecr-repository", "repository", func(id string) bool { return isName(id, 256, "._-/") })
	r.API, r.Policy = (*cloud.Clients).ECR, []string{"ecr:DescribeRepositories", permission}
	r.Read = func(ctx context.Context, api *ecr.Client, in input, _ *S) (S, error) {
		var none S
		out, err := api.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{in.ID}, RegistryId: in.registry()})
		if err != nil {
			return none, err
		}
		if len(out.Repositories) != 1 {
			return none, fault.Permanent(errors.New("ECR knows no such repository"))
		}
		return get(&out.Repositories[0]), nil
	}
	return action(r)
}

// registry makes ECR refuse a repository of that name in another account.
func (in input) registry() *string {
	if in.Account == "" {
		return nil
	}
	return &in.Account
}

func ecrScan() Action {
	return repository(row[*ecr.Client, bool]{
		Name: "ecr-enable-scan-on-push", Controls: []string{"ECR.1"},
		Does: "Has the images of a repository scanned for known vulnerabilities when they are pushed.",
		Do:   "turn scanning on push on for", Done: "scans images on push",
		Want: always(true),
		Write: func(in input, _, on bool) []call[*ecr.Client] {
			return one((*ecr.Client).PutImageScanningConfiguration, &ecr.PutImageScanningConfigurationInput{
				RepositoryName: &in.ID, RegistryId: in.registry(), ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: on},
			})
		},
		Code: declared("aws_ecr_repository", "scan on push", "image_scanning_configuration {\n  scan_on_push = true\n}", "ImageScanningConfiguration:\n  ScanOnPush: true"),
	}, "ecr:PutImageScanningConfiguration", func(r *types.Repository) bool {
		return r.ImageScanningConfiguration != nil && r.ImageScanningConfiguration.ScanOnPush
	})
}

func ecrImmutable() Action {
	type mutability struct {
		Mode    types.ImageTagMutability                  `json:"mode"`
		Filters []types.ImageTagMutabilityExclusionFilter `json:"filters,omitempty"`
	}
	return repository(row[*ecr.Client, mutability]{
		Name: "ecr-make-tags-immutable", Controls: []string{"ECR.2"},
		Does: "Has the tags of a repository stay with the image that they were given to. Tags that are made immutable with exceptions stay so.",
		Do:   "make the tags immutable of", Done: "has immutable tags",
		Want: func(_ input, now mutability) (mutability, error) {
			if now.Mode == types.ImageTagMutabilityImmutable || now.Mode == types.ImageTagMutabilityImmutableWithExclusion {
				return now, nil
			}
			return mutability{Mode: types.ImageTagMutabilityImmutable}, nil
		},
		Write: func(in input, _, to mutability) []call[*ecr.Client] {
			return one((*ecr.Client).PutImageTagMutability, &ecr.PutImageTagMutabilityInput{
				RepositoryName: &in.ID, RegistryId: in.registry(), ImageTagMutability: to.Mode, ImageTagMutabilityExclusionFilters: to.Filters,
			})
		},
		Code: declared("aws_ecr_repository", "immutable tags", `image_tag_mutability = "IMMUTABLE"`, "ImageTagMutability: IMMUTABLE"),
	}, "ecr:PutImageTagMutability", func(r *types.Repository) mutability {
		return mutability{r.ImageTagMutability, r.ImageTagMutabilityExclusionFilters}
	})
}
