/** `enum http_status`. */

/** 200 OK. */
export const HTTP_STATUS_OK = 200;
/** 204 No Content. */
export const HTTP_STATUS_NO_CONTENT = 204;
/** 400 Bad Request. */
export const HTTP_STATUS_BAD_REQUEST = 400;
/** 401 Unauthorized. */
export const HTTP_STATUS_UNAUTHORIZED = 401;
/** 402 Payment Required. */
export const HTTP_STATUS_PAYMENT_REQUIRED = 402;
/** 403 Forbidden. */
export const HTTP_STATUS_FORBIDDEN = 403;
/** 404 Not Found. */
export const HTTP_STATUS_NOT_FOUND = 404;
/** 405 Method Not Allowed. */
export const HTTP_STATUS_METHOD_NOT_ALLOWED = 405;
/** 406 Not Acceptable. */
export const HTTP_STATUS_NOT_ACCEPTABLE = 406;
/** 407 Proxy Authentication Required. */
export const HTTP_STATUS_PROXY_AUTH_REQUIRED = 407;
/** 408 Request Timeout. */
export const HTTP_STATUS_REQUEST_TIMEOUT = 408;
/** 409 Conflict. */
export const HTTP_STATUS_CONFLICT = 409;
/** 410 Gone. */
export const HTTP_STATUS_GONE = 410;
/** 411 Length Required. */
export const HTTP_STATUS_LENGTH_REQUIRED = 411;
/** 412 Precondition Failed. */
export const HTTP_STATUS_PRECONDITION_FAILED = 412;
/** 413 Content Too Large. */
export const HTTP_STATUS_REQ_ENTITY_TOO_LARGE = 413;
/** 414 URI Too Long. */
export const HTTP_STATUS_REQ_URI_TOO_LONG = 414;
/** 415 Unsupported Media Type. */
export const HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE = 415;
/** 416 Range Not Satisfiable. */
export const HTTP_STATUS_REQ_RANGE_NOT_SATISFIABLE = 416;
/** 417 Expectation Failed. */
export const HTTP_STATUS_EXPECTATION_FAILED = 417;
/** 500 Internal Server Error. */
export const HTTP_STATUS_INTERNAL_SERVER_ERROR = 500;
/** 501 Not Implemented. */
export const HTTP_STATUS_NOT_IMPLEMENTED = 501;
/** 502 Bad Gateway. */
export const HTTP_STATUS_BAD_GATEWAY = 502;
/** 503 Service Unavailable. */
export const HTTP_STATUS_SERVICE_UNAVAILABLE = 503;
/** 504 Gateway Timeout. */
export const HTTP_STATUS_GATEWAY_TIMEOUT = 504;
/** 505 HTTP Version Not Supported. */
export const HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED = 505;
