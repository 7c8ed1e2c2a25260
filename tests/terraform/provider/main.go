// Program provider is a Terraform provider that takes the place of hashicorp/aws in tests. It has the schema of the
// resources that the module and its examples use, as the documentation of hashicorp/aws 6 describes them, and no code
// behind it: Terraform validates and plans with it, and cannot apply.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	dataschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	providerschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func main() {
	options := providerserver.ServeOpts{Address: "registry.terraform.io/hashicorp/aws"}
	if err := providerserver.Serve(context.Background(), func() provider.Provider { return aws{} }, options); err != nil {
		log.Fatal(err)
	}
}

var (
	required = schema.StringAttribute{Required: true}
	optional = schema.StringAttribute{Optional: true}
	computed = schema.StringAttribute{Computed: true}
	// An argument that AWS fills if it is not given.
	either = schema.StringAttribute{Optional: true, Computed: true}
	texts  = schema.MapAttribute{Optional: true, ElementType: types.StringType}
)

// Resources by name, with the arguments and attributes that the module may use.
var resources = map[string]map[string]schema.Attribute{
	"aws_cloudformation_stack": {
		"capabilities":       schema.SetAttribute{Optional: true, ElementType: types.StringType},
		"disable_rollback":   schema.BoolAttribute{Optional: true},
		"iam_role_arn":       optional,
		"id":                 computed,
		"name":               required,
		"on_failure":         optional,
		"outputs":            schema.MapAttribute{Computed: true, ElementType: types.StringType},
		"parameters":         texts,
		"tags":               texts,
		"template_body":      either,
		"template_url":       optional,
		"timeout_in_minutes": schema.Int64Attribute{Optional: true},
	},
	"aws_s3_object": {
		"bucket":      required,
		"content":     optional,
		"etag":        either,
		"id":          computed,
		"key":         required,
		"source":      optional,
		"source_hash": optional,
		"tags":        texts,
	},
	"aws_s3_bucket":              {"bucket": either, "id": computed, "arn": computed, "tags": texts},
	"aws_s3_bucket_notification": {"bucket": required, "eventbridge": schema.BoolAttribute{Optional: true}, "id": computed},
	"aws_sns_topic":              {"arn": computed, "id": computed, "name": either, "tags": texts},
}

// aws is the provider.
type aws struct{}

func (aws) Metadata(_ context.Context, _ provider.MetadataRequest, response *provider.MetadataResponse) {
	response.TypeName = "aws"
}

func (aws) Schema(_ context.Context, _ provider.SchemaRequest, response *provider.SchemaResponse) {
	response.Schema.Attributes = map[string]providerschema.Attribute{"region": providerschema.StringAttribute{Optional: true}}
}

func (aws) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}

func (aws) Resources(context.Context) []func() resource.Resource {
	var found []func() resource.Resource
	for name := range resources {
		found = append(found, func() resource.Resource { return kind{name} })
	}
	return found
}

func (aws) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return bucket{} }}
}

// kind is a type of resource.
type kind struct{ name string }

func (k kind) Metadata(_ context.Context, _ resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = k.name
}

func (k kind) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema.Attributes = resources[k.name]
}

func (kind) Create(_ context.Context, _ resource.CreateRequest, response *resource.CreateResponse) {
	response.Diagnostics.AddError("this provider cannot create anything", "")
}

func (kind) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

func (kind) Update(_ context.Context, _ resource.UpdateRequest, response *resource.UpdateResponse) {
	response.Diagnostics.AddError("this provider cannot update anything", "")
}

func (kind) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}

// bucket is the data source aws_s3_bucket.
type bucket struct{}

// found is what the data source returns.
type found struct {
	Bucket types.String `tfsdk:"bucket"`
	Domain types.String `tfsdk:"bucket_regional_domain_name"`
}

func (bucket) Metadata(_ context.Context, _ datasource.MetadataRequest, response *datasource.MetadataResponse) {
	response.TypeName = "aws_s3_bucket"
}

func (bucket) Schema(_ context.Context, _ datasource.SchemaRequest, response *datasource.SchemaResponse) {
	response.Schema.Attributes = map[string]dataschema.Attribute{
		"bucket":                      dataschema.StringAttribute{Required: true},
		"bucket_regional_domain_name": dataschema.StringAttribute{Computed: true},
	}
}

func (bucket) Read(ctx context.Context, request datasource.ReadRequest, response *datasource.ReadResponse) {
	var read found
	response.Diagnostics.Append(request.Config.Get(ctx, &read)...)
	read.Domain = types.StringValue(read.Bucket.ValueString() + ".s3.eu-west-1.amazonaws.com")
	response.Diagnostics.Append(response.State.Set(ctx, &read)...)
}
