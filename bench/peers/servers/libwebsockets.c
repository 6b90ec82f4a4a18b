/*
 * An echo server of libwebsockets, in C:
 *
 *     cc -O2 -o libwebsockets libwebsockets.c -lwebsockets
 *     libwebsockets 9001 [--deflate]
 *
 * A message comes in pieces, and may be written only when its connection is writeable: pieces are
 * gathered in a queue of each session, with the room in front that lws_write wants.
 */

#include <libwebsockets.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct message {
	struct message *next;
	size_t length, capacity;
	int binary;
	/* LWS_PRE bytes, and then the payload. */
	unsigned char bytes[];
};

struct session {
	/* Whole messages, oldest first, and the one that is still coming. */
	struct message *first, *last, *coming;
};

static volatile sig_atomic_t stopped;

/* Adds a piece to the message that is coming. */
static int gather(struct session *session, const void *piece, size_t length, size_t remaining)
{
	struct message *message = session->coming;
	size_t needed = (message ? message->length : 0) + length + remaining;
	if (!message || message->capacity < needed) {
		/* What remains is told as it is on the wire: compressed, it becomes more. */
		size_t capacity = message && needed < 2 * message->capacity ? 2 * message->capacity : needed;
		message = realloc(message, sizeof *message + LWS_PRE + capacity);
		if (!message) return -1;
		if (!session->coming) memset(message, 0, sizeof *message);
		message->capacity = capacity;
		session->coming = message;
	}
	memcpy(message->bytes + LWS_PRE + message->length, piece, length);
	message->length += length;
	return 0;
}

static void enqueue(struct session *session)
{
	if (session->last) session->last->next = session->coming;
	else session->first = session->coming;
	session->last = session->coming;
	session->coming = NULL;
}

/* One write a callback, as the library's documentation has it. */
static int write_next(struct lws *wsi, struct session *session)
{
	struct message *message = session->first;
	if (!message) return 0;
	int taken = lws_write(wsi, message->bytes + LWS_PRE, message->length,
		message->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
	if (taken < (int)message->length) return -1;
	session->first = message->next;
	if (session->first) lws_callback_on_writable(wsi);
	else session->last = NULL;
	free(message);
	return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
	size_t length)
{
	struct session *session = user;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		/* Fails where nothing is compressed. Left alone, an answer leaves in pieces of 1024 bytes. */
		lws_set_extension_option(wsi, "permessage-deflate", "tx_buf_size", "15");
		break;
	case LWS_CALLBACK_RECEIVE:
		if (gather(session, in, length, lws_remaining_packet_payload(wsi))) return -1;
		if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi)) break;
		session->coming->binary = lws_frame_is_binary(wsi);
		enqueue(session);
		lws_callback_on_writable(wsi);
		break;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return write_next(wsi, session);
	case LWS_CALLBACK_CLOSED:
		while (session->first) {
			struct message *message = session->first;
			session->first = message->next;
			free(message);
		}
		free(session->coming);
		break;
	default:
		break;
	}
	return 0;
}

static struct lws_protocols protocols[] = {
	{ .name = "echo", .callback = on_event, .per_session_data_size = sizeof(struct session),
		.rx_buffer_size = 65536 },
	{ 0 },
};

static const struct lws_extension extensions[] = {
	{ "permessage-deflate", lws_extension_callback_pm_deflate,
		"permessage-deflate; client_no_context_takeover" },
	{ 0 },
};

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

int main(int count, char **words)
{
	struct lws_context_creation_info info = { 0 };
	if (count > 1 && !strcmp(words[1], "--version")) {
		puts(lws_get_library_version());
		return 0;
	}
	lws_set_log_level(LLL_ERR, NULL);
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	info.port = count > 1 ? atoi(words[1]) : 0;
	info.iface = "127.0.0.1";
	info.protocols = protocols;
	if (count > 2 && !strcmp(words[2], "--deflate")) {
		info.extensions = extensions;
		/*
		 * The inflater of 4.1 leaves what it has no room for in a buffer of all connections, where the
		 * next one's input takes its place: what is read at once must fit when it is inflated.
		 */
		protocols[0].rx_buffer_size = 262144;
		info.pt_serv_buf_size = 65536;
	}
	info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	struct lws_context *context = lws_create_context(&info);
	if (!context) return 1;
	struct lws_vhost *vhost = lws_create_vhost(context, &info);
	if (!vhost) return 1;
	printf("listening on ws://127.0.0.1:%d\n", lws_get_vhost_listen_port(vhost));
	fflush(stdout);
	while (!stopped && lws_service(context, 0) >= 0) continue;
	lws_context_destroy(context);
	return 0;
}
