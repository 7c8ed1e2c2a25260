//! The endpoint of a service: the configured one, or that of the region.

use std::sync::LazyLock;

use aws_config::{Region, SdkConfig};
use aws_sdk_lambda::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as ResolveForLambda};
use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolver;
use aws_smithy_runtime_api::client::endpoint::{
    EndpointFuture, EndpointResolverParams, ResolveEndpoint, SharedEndpointResolver,
};
use aws_types::service_config::ServiceConfigKey;

use super::Service;

/// Returns the resolver of a service.
pub(super) fn resolver(aws: &SdkConfig, service: &Service) -> SharedEndpointResolver {
    match endpoint_url(aws, service) {
        Some(url) => SharedEndpointResolver::new(StaticUriEndpointResolver::uri(url)),
        None => SharedEndpointResolver::new(RegionalEndpoint::new(aws, service)),
    }
}

/// Returns the region to sign for. A global service has one in each AWS partition.
pub(super) fn signing_region(aws: &SdkConfig, service: &Service) -> Option<Region> {
    let region = aws.region().cloned()?;
    if service.is_global { Some(Region::from_static(global_endpoint(region.as_ref()).1)) } else { Some(region) }
}

/// Returns the configured endpoint. As in the SDK's clients, an endpoint set in code takes precedence over one for the
/// service, and that over one for all services.
fn endpoint_url(aws: &SdkConfig, service: &Service) -> Option<String> {
    let for_all_services = aws.endpoint_url().map(str::to_owned);
    if aws.get_origin("endpoint_url").is_client_config() {
        return for_all_services;
    }
    let key = ServiceConfigKey::builder().service_id(service.id).env("AWS_ENDPOINT_URL").profile("endpoint_url");
    let for_service = key.build().ok().and_then(|key| aws.service_config()?.load_config(key));
    for_service.or(for_all_services)
}

/// Returns the rest of the name of the endpoint of a global service, and the region to sign for, in the AWS partition of a
/// region: <https://docs.aws.amazon.com/general/latest/gr/iam-service.html>.
fn global_endpoint(region: &str) -> (&'static str, &'static str) {
    match region.rsplit_once('-').map(|(area, _)| area) {
        Some(area) if area.starts_with("cn-") => ("cn-north-1.amazonaws.com.cn", "cn-north-1"),
        Some(area) if area.starts_with("us-gov-") => ("us-gov.amazonaws.com", "us-gov-west-1"),
        Some(area) if area.starts_with("us-iso-") => ("us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        Some(area) if area.starts_with("us-isob-") => ("us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        Some(area) if area.starts_with("eusc-") => ("eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        _ => ("amazonaws.com", "us-east-1"),
    }
}

/// The endpoint of a region. In every AWS partition, the endpoints of a service are named like Lambda's, also with FIPS and
/// dual-stack: <https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html>. So the resolver is that of
/// Lambda's client.
#[derive(Debug)]
struct RegionalEndpoint {
    service: Service,
    region: String,
    params: Params,
    /// Created at the first call, because parsing the SDK's list of AWS partitions takes half as long as a cold start.
    resolver: LazyLock<DefaultResolver>,
}

impl RegionalEndpoint {
    fn new(aws: &SdkConfig, service: &Service) -> Self {
        Self::of(service, aws.region().map(ToString::to_string), aws.use_fips(), aws.use_dual_stack())
    }

    #[expect(clippy::expect_used, reason = "the message says why it does not happen")]
    fn of(service: &Service, region: Option<String>, fips: Option<bool>, dual_stack: Option<bool>) -> Self {
        let name = region.clone().unwrap_or_default();
        let params = Params::builder().set_region(region).set_use_fips(fips).set_use_dual_stack(dual_stack);
        let params = params.build().expect("no parameter is required");
        Self { service: *service, region: name, params, resolver: LazyLock::new(DefaultResolver::new) }
    }

    /// Returns the URL for the URL of Lambda's endpoint.
    fn url(&self, lambda: &str) -> String {
        let Service { host, is_global, .. } = self.service;
        if is_global {
            return format!("https://{host}.{}", global_endpoint(&self.region).0);
        }
        lambda.replacen("//lambda", &format!("//{host}"), 1)
    }
}

impl ResolveEndpoint for RegionalEndpoint {
    fn resolve_endpoint<'a>(&'a self, _: &'a EndpointResolverParams) -> EndpointFuture<'a> {
        EndpointFuture::new(async {
            let lambda = ResolveForLambda::resolve_endpoint(&*self.resolver, &self.params).await?;
            let url = self.url(lambda.url());
            Ok(lambda.into_builder().url(url).build())
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_config::BehaviorVersion;

    use super::*;
    use crate::glue::client::GLUE;

    const IAM: Service = Service { name: "iam", id: "IAM", host: "iam", is_global: true };

    async fn endpoint(service: &Service, region: &str, fips: bool, dual_stack: bool) -> String {
        let resolver = RegionalEndpoint::of(service, Some(region.to_owned()), Some(fips), Some(dual_stack));
        let endpoint = resolver.resolve_endpoint(&EndpointResolverParams::new(())).await.unwrap();
        endpoint.url().to_owned()
    }

    /// The expected endpoints are those of Glue's own endpoint rules in `aws-sdk-glue`.
    #[tokio::test]
    async fn resolves_the_published_endpoint_of_each_region() {
        for (region, fips, dual_stack, expected) in [
            ("us-east-1", false, false, "https://glue.us-east-1.amazonaws.com"),
            ("us-east-1", true, false, "https://glue-fips.us-east-1.amazonaws.com"),
            ("us-east-1", true, true, "https://glue-fips.us-east-1.api.aws"),
            ("eu-central-1", false, true, "https://glue.eu-central-1.api.aws"),
            ("cn-north-1", false, false, "https://glue.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", true, true, "https://glue-fips.cn-north-1.api.amazonwebservices.com.cn"),
            ("us-gov-west-1", false, false, "https://glue.us-gov-west-1.amazonaws.com"),
            ("us-iso-east-1", false, false, "https://glue.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", true, false, "https://glue-fips.us-isob-east-1.sc2s.sgov.gov"),
            ("eusc-de-east-1", false, false, "https://glue.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(endpoint(&GLUE.service, region, fips, dual_stack).await, expected);
        }
    }

    #[tokio::test]
    async fn a_global_service_has_one_endpoint_and_one_signing_region_in_each_partition() {
        for (region, expected, signed) in [
            ("eu-west-1", "https://iam.amazonaws.com", "us-east-1"),
            ("cn-northwest-1", "https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("us-gov-east-1", "https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
        ] {
            assert_eq!(endpoint(&IAM, region, false, false).await, expected);
            let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new(region));
            assert_eq!(signing_region(&aws.build(), &IAM), Some(Region::from_static(signed)));
        }
    }

    #[test]
    fn uses_an_endpoint_that_is_set_in_code() {
        let aws =
            SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::from_static("us-east-1"));
        assert_eq!(endpoint_url(&aws.build(), &GLUE.service), None);
        let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).endpoint_url("http://127.0.0.1:1");
        assert_eq!(endpoint_url(&aws.build(), &GLUE.service).as_deref(), Some("http://127.0.0.1:1"));
    }
}
