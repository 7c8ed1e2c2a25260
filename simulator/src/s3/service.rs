//! S3.

/// The service.
pub(crate) struct S3Front {
    service: S3Service,
}

impl S3Front {
    /// Signatures are checked against the one key pair of the simulator.
    pub(crate) fn new(buckets: Buckets) -> Self {
        let mut builder = S3ServiceBuilder::new(buckets);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        Self { service: builder.build() }
    }

    async fn call(&self, request: Request<Bytes>) -> S3Result<Reply> {
        let owner = request.headers().get("x-amz-expected-bucket-owner");
        let response = if owner.is_some_and(|owner| owner.as_bytes() != ACCOUNT.as_bytes()) {
            s3_error!(AccessDenied, "Access Denied").to_http_response()?
        } else {
            let called = self.service.call(request.map(s3s::Body::from)).await;
            called.map_err(|cause| S3Error::with_source(S3ErrorCode::InternalError, cause.into()))?
        };
        let (head, body) = response.into_parts();
        let body =
            BodyExt::collect(body).await.map_err(|cause| S3Error::with_source(S3ErrorCode::InternalError, cause))?;
        Ok(Reply::from_parts(head, body.to_bytes()))
    }
}

impl Service for S3Front {
    fn describe(&self, request: &Request<Bytes>) -> Option<Call> {
        let query = request.uri().query().unwrap_or_default();
        let parameter = |name: &str| {
            let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            pairs.find(|(found, _)| *found == name).map(|(_, value)| decode(value))
        };
        let (_bucket, key) = request.uri().path().trim_start_matches('/').split_once('/').unwrap_or_default();
        let key = decode(key);
        let (operation, target) = match (request.method(), key.is_empty()) {
            (&Method::PUT, false) => ("PutObject", key),
            (&Method::GET, false) => ("GetObject", key),
            (&Method::HEAD, false) => ("HeadObject", key),
            (&Method::DELETE, false) => ("DeleteObject", key),
            (&Method::GET, true) => ("ListObjectsV2", parameter("prefix").unwrap_or_default()),
            (&Method::HEAD, true) => ("HeadBucket", String::new()),
            (&Method::POST, true) if parameter("delete").is_some() => ("DeleteObjects", String::new()),
            _ => ("Unknown", request.uri().to_string()),
        };
        Some(Call { operation, target, ..Call::default() })
    }

    fn error(&self, status: StatusCode, code: &str) -> Reply {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>simulated</Message></Error>"
        );
        reply(status, "application/xml", body)
    }

    async fn answer(&self, request: Request<Bytes>, _: &Line) -> Reply {
        match self.call(request).await {
            Ok(reply) => reply,
            Err(_) => self.error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        }
    }
}

/// Undoes percent-encoding.
fn decode(text: &str) -> String {
    let hex = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let decoded = match (first, after) {
            (b'%', [high, low, tail @ ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| (high * 16 + low, tail)),
            _ => None,
        };
        bytes.push(decoded.map_or(*first, |(byte, _)| byte));
        rest = decoded.map_or(rest, |(_, tail)| tail);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
