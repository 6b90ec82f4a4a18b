/*
 * The load generator of the files case: HTTP/1.1 clients by raw TCP and epoll, on Linux, in one thread.
 *
 *     cc -O2 -std=gnu11 -o http_load http_load.c
 *     http_load --port 9001 --path /64KiB.bin --size 65536 --connections 64 --warmup 0.5 --seconds 3
 *
 * Each connection asks for the same file again and again and has one request in flight. An answer is
 * 200 with a body of SIZE bytes, by its length or in chunks. The first answer of each connection is
 * compared byte for byte with what make_content makes; of the later ones only framing and length are
 * checked, and long bodies are thrown away in the kernel (MSG_TRUNC), so that it is the server that is
 * measured.
 *
 * A request under way counts by the share of its body that came, so that long files do not jump.
 * "cpu" is this generator's own share of a core: near 1 it is itself what limits.
 *
 * With --core it stays on that core. Standard output has lines of JSON: {"phase":"measuring"} when the
 * warm-up is over, {"phase":"measured"} when the time is, and the result last. The exit code is 1 after
 * any error; standard error tells the first one.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000ull
#define MOST_CONNECTIONS 10000
#define HEAD_ROOM 8192
/* Fewer bytes are read together with what follows them, with one system call in place of two. */
#define DISCARD_FROM 16384

static struct {
	const char *path;
	double port, core, connections, size, warmup, seconds;
} settings = { .path = "/", .core = -1, .connections = 1, .warmup = 0.5, .seconds = 3 };

struct connection {
	int fd;
	enum { HEAD, BODY, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILERS } state;
	char line[HEAD_ROOM];
	size_t line_length;
	/* Of the chunk, or of a body with a length. */
	uint64_t left;
	/* Of the body, chunks put together. */
	uint64_t got;
	bool compared;
	uint64_t measured;
};

static uint64_t count, size;
static struct connection *connections;
static char request[1024];
static size_t request_length;
static unsigned char *content;
static uint64_t errors, open_connections, answers, bytes;
static bool measuring;

static uint64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_nsec;
}

static double cpu_seconds(void)
{
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / (double)NS;
}

static void complain(const char *format, ...)
{
	va_list values;
	if (errors++ > 0) return;
	va_start(values, format);
	vfprintf(stderr, format, values);
	va_end(values);
	fputc('\n', stderr);
}

/* The case writes the very same into its files. */
static void make_content(void)
{
	content = malloc(size + 1);
	if (!content) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	for (uint64_t i = 0; i < size; i++) content[i] = (unsigned char)('a' + i % 26);
}

/* --- Answers --- */

static bool ask(struct connection *c)
{
	c->state = HEAD;
	c->line_length = 0;
	c->got = 0;
	if (write(c->fd, request, request_length) == (ssize_t)request_length) return true;
	complain("connection %td: a request could not be sent: %s", c - connections, strerror(errno));
	return false;
}

static const char *field(const char *head, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, length) || line[length] != ':') continue;
		line += length + 1;
		return line + strspn(line, " \t");
	}
	return NULL;
}

static bool read_head(struct connection *c)
{
	c->line[c->line_length] = '\0';
	if (strncmp(c->line, "HTTP/1.1 200", 12)) {
		complain("connection %td: the answer is %.*s", c - connections,
			(int)strcspn(c->line, "\r\n"), c->line);
		return false;
	}
	const char *length = field(c->line, "content-length"), *coding = field(c->line, "transfer-encoding");
	c->line_length = 0;
	if (coding && !strncasecmp(coding, "chunked\r\n", 9)) {
		c->state = CHUNK_SIZE;
		return true;
	}
	c->left = length ? strtoull(length, NULL, 10) : UINT64_MAX;
	c->state = BODY;
	if (c->left == size) return true;
	complain("connection %td: the body's length is %.*s, not %" PRIu64, c - connections,
		length ? (int)strcspn(length, "\r\n") : 4, length ? length : "none", size);
	return false;
}

/* Goes on to the next answer where this one ends. */
static bool is_next(struct connection *c)
{
	if (c->got != size) {
		complain("connection %td: the body has %" PRIu64 " bytes, not %" PRIu64, c - connections,
			c->got, size);
		return false;
	}
	c->compared = true;
	if (measuring) answers++, c->measured++;
	return ask(c);
}

static bool end_line(struct connection *c)
{
	bool is_empty = c->line_length == 2;
	c->line[c->line_length] = '\0';
	c->line_length = 0;
	switch (c->state) {
	case CHUNK_SIZE:
		c->left = strtoull(c->line, NULL, 16);
		c->state = c->left == 0 ? TRAILERS : CHUNK;
		return true;
	case CHUNK_END:
		c->state = CHUNK_SIZE;
		if (!is_empty) complain("connection %td: a chunk has no end", c - connections);
		return is_empty;
	default:
		return is_empty ? is_next(c) : true;
	}
}

static bool take_body(struct connection *c, const unsigned char *from, uint64_t length)
{
	if (c->got + length > size || (from && !c->compared && memcmp(from, content + c->got, length))) {
		complain("connection %td: the body is not the file's", c - connections);
		return false;
	}
	c->got += length;
	c->left -= length;
	if (measuring) bytes += length;
	if (c->left > 0) return true;
	if (c->state == BODY) return is_next(c);
	c->state = CHUNK_END;
	return true;
}

static bool take(struct connection *c, const unsigned char *from, size_t length)
{
	while (length > 0) {
		if (c->state == BODY || c->state == CHUNK) {
			size_t taken = c->left < length ? c->left : length;
			if (!take_body(c, from, taken)) return false;
			from += taken;
			length -= taken;
			continue;
		}
		if (c->line_length + 1 == HEAD_ROOM) {
			complain("connection %td: a head is too long", c - connections);
			return false;
		}
		char byte = (char)*from++;
		length--;
		c->line[c->line_length++] = byte;
		if (byte != '\n') continue;
		bool is_blank = c->line_length >= 4 && !memcmp(c->line + c->line_length - 4, "\r\n\r\n", 4);
		if (c->state != HEAD ? !end_line(c) : is_blank && !read_head(c)) return false;
	}
	return true;
}

static void receive(struct connection *c)
{
	static unsigned char buffer[256 * 1024];
	bool in_body = c->state == BODY || c->state == CHUNK;
	bool discards = in_body && c->compared && c->left >= DISCARD_FROM;
	ssize_t got = discards ? recv(c->fd, NULL, c->left, MSG_TRUNC)
		: recv(c->fd, buffer, sizeof buffer, 0);
	if (got > 0 && (discards ? take_body(c, NULL, (uint64_t)got) : take(c, buffer, (size_t)got)))
		return;
	if (got < 0 && errno == EAGAIN) return;
	if (got <= 0) complain("connection %td was closed by the server: %s", c - connections,
		got == 0 ? "end" : strerror(errno));
	close(c->fd);
	c->fd = -1;
	open_connections--;
}

/* --- The run --- */

static bool open_all(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)settings.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	connections = calloc(count, sizeof *connections);
	for (uint64_t i = 0; connections && i < count; i++) {
		int on = 1, fd = connections[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
			complain("connection %" PRIu64 ": connect: %s", i, strerror(errno));
			return false;
		}
		fcntl(fd, F_SETFL, O_NONBLOCK);
		open_connections++;
	}
	return connections != NULL;
}

static void tell_phase(const char *phase)
{
	printf("{\"phase\":\"%s\"}\n", phase);
	fflush(stdout);
}

static void run(void)
{
	struct epoll_event events[256];
	int poller = epoll_create1(EPOLL_CLOEXEC);
	for (uint64_t i = 0; i < count; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u64 = i };
		epoll_ctl(poller, EPOLL_CTL_ADD, connections[i].fd, &event);
		if (!ask(&connections[i])) return;
	}
	uint64_t measure_from = now() + (uint64_t)(settings.warmup * (double)NS), began = 0;
	uint64_t end = measure_from + (uint64_t)(settings.seconds * (double)NS), time;
	double cpu = 0;
	while ((time = now()) < end && open_connections > 0) {
		if (!measuring && time >= measure_from) {
			measuring = true;
			began = time;
			cpu = cpu_seconds();
			tell_phase("measuring");
		}
		int ready = epoll_wait(poller, events, 256, 50);
		for (int i = 0; i < ready; i++) receive(&connections[events[i].data.u64]);
	}
	double seconds = (double)(now() - began) / (double)NS;
	cpu = cpu_seconds() - cpu;
	tell_phase("measured");
	if (open_connections < count) return;
	uint64_t starved = 0;
	for (uint64_t i = 0; i < count; i++) starved += connections[i].measured == 0;
	printf("{\"answers\":%" PRIu64 ",\"seconds\":%.3f,\"requestsPerSecond\":%.2f,\"bytesPerSecond\":%.0f,"
		"\"starved\":%" PRIu64 ",\"cpu\":%.3f}\n", answers, seconds,
		(double)bytes / (double)size / seconds, (double)bytes / seconds, starved, cpu / seconds);
}

/* --- The command line --- */

static void refuse(const char *what, const char *which)
{
	fprintf(stderr, "http_load: %s: %s\n", what, which);
	exit(2);
}

static void read_settings(int length, char **words)
{
	const struct { const char *name; double *value, least, most; } numbers[] = {
		{ "--port", &settings.port, 1, 65535 },
		{ "--core", &settings.core, 0, CPU_SETSIZE - 1 },
		{ "--connections", &settings.connections, 1, MOST_CONNECTIONS },
		{ "--size", &settings.size, 1, 1 << 30 },
		{ "--warmup", &settings.warmup, 0, 60 },
		{ "--seconds", &settings.seconds, 0.01, 600 },
	};
	const size_t known = sizeof numbers / sizeof *numbers;
	for (int i = 1; i < length; i += 2) {
		const char *name = words[i], *value = i + 1 < length ? words[i + 1] : NULL;
		if (!value) refuse("no value", name);
		if (!strcmp(name, "--path")) { settings.path = value; continue; }
		size_t n = 0;
		while (n < known && strcmp(name, numbers[n].name)) n++;
		if (n == known) refuse("unknown option", name);
		char *rest;
		*numbers[n].value = strtod(value, &rest);
		if (*rest || !(*numbers[n].value >= numbers[n].least && *numbers[n].value <= numbers[n].most))
			refuse("not a number that is allowed", name);
	}
	if (settings.port == 0) refuse("missing", "--port");
	if (settings.size == 0) refuse("missing", "--size");
	count = (uint64_t)settings.connections;
	size = (uint64_t)settings.size;
	request_length = (size_t)snprintf(request, sizeof request,
		"GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", settings.path, (int)settings.port);
	if (request_length >= sizeof request) refuse("too long", "--path");
}

/* Stays on one core: a scheduler that puts both ends of a conversation on one halves what they do. */
static void stay_on_core(void)
{
	cpu_set_t cores;
	if (settings.core < 0) return;
	CPU_ZERO(&cores);
	CPU_SET((size_t)settings.core, &cores);
	if (sched_setaffinity(0, sizeof cores, &cores) < 0) refuse(strerror(errno), "--core");
}

int main(int length, char **words)
{
	signal(SIGPIPE, SIG_IGN);
	/* Whatever becomes of the parent, this ends with it. */
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
	read_settings(length, words);
	stay_on_core();
	make_content();
	if (open_all()) run();
	return errors > 0;
}
