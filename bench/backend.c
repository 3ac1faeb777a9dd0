// The upstream of the benchmark: one thread, one recv and one send per request, so that what is measured is the proxy.
// A POST is answered with a chat completion of about 640 bytes; one whose body asks for a stream gets 50 SSE chunks of
// 200 bytes, one per millisecond.
//
//   backend PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { max_fds = 4096, buffer_size = 65536, chunks = 50, chunk_payload = 200 };

static struct connection {
  char* bytes;
  size_t used;
  int chunks_left;  // of the stream under way; 0: none
} connections[max_fds];

static int streaming[max_fds], streams;  // descriptors with a stream under way
static char reply[2048], stream_head[512], chunk[chunks][chunk_payload + 64];
static size_t reply_size, stream_head_size, chunk_size[chunks];

static void prepare_replies(void) {
  static const char body[] =
      "{\"id\":\"chatcmpl-9nK1rVn0mQm5gW2J7yT3uXbC4dEfG\",\"object\":\"chat.completion\",\"created\":1721075651,"
      "\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
      "\"The canal gate measures the water and shuts when the share is used up. Nothing passes that was not counted "
      "before, and nothing is counted that did not pass.\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":"
      "\"stop\"}],\"usage\":{\"prompt_tokens\":52,\"completion_tokens\":37,\"total_tokens\":89,"
      "\"prompt_tokens_details\":{\"cached_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0}},"
      "\"system_fingerprint\":\"fp_400f27fa1f\"}";
  reply_size = sprintf(reply,
                       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                       "x-request-id: req_4f1f7c0e7c2b4d\r\nopenai-processing-ms: 412\r\n\r\n%s",
                       sizeof body - 1, body);
  stream_head_size = sprintf(stream_head,
                             "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                             "Transfer-Encoding: chunked\r\nx-request-id: req_4f1f7c0e7c2b4d\r\n\r\n");
  for (int i = 0; i < chunks; ++i) {
    char event[512] = "data: [DONE]\n\n";
    if (i == chunks - 2) {
      sprintf(event,
              "data: {\"id\":\"chatcmpl-9nK1\",\"object\":\"chat.completion.chunk\",\"created\":1721075651,"
              "\"model\":\"gpt-4o-2024-08-06\",\"choices\":[],\"usage\":{\"prompt_tokens\":52,"
              "\"completion_tokens\":48,\"total_tokens\":100}}\n\n");
    } else if (i < chunks - 2) {
      int n = sprintf(event,
                      "data: {\"id\":\"chatcmpl-9nK1\",\"object\":\"chat.completion.chunk\",\"created\":1721075651,"
                      "\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"");
      while (n < chunk_payload - 30) event[n++] = 'w';
      sprintf(event + n, "\"},\"finish_reason\":null}]}\n\n");
    }
    chunk_size[i] = sprintf(chunk[i], "%zx\r\n%s\r\n%s", strlen(event), event, i == chunks - 1 ? "0\r\n\r\n" : "");
  }
}

static void hang_up(int fd) {
  for (int i = 0; i < streams; ++i)
    if (streaming[i] == fd) streaming[i--] = streaming[--streams];
  free(connections[fd].bytes);
  connections[fd] = (struct connection){0};
  close(fd);
}

// The size of the first request in the buffer, or 0 if it is not complete yet.
static size_t complete_request(const char* bytes, size_t used, size_t* head) {
  const char* end = memmem(bytes, used, "\r\n\r\n", 4);
  if (!end) return 0;
  *head = (size_t)(end - bytes) + 4;
  size_t length = 0;
  for (const char* line = bytes; line < end; ++line) {
    if (*line == '\n' && strncasecmp(line + 1, "content-length:", 15) == 0) length = strtoul(line + 16, NULL, 10);
  }
  return used >= *head + length ? *head + length : 0;
}

static void serve(int fd) {
  struct connection* c = &connections[fd];
  if (!c->bytes) c->bytes = malloc(buffer_size);
  ssize_t n = recv(fd, c->bytes + c->used, buffer_size - 1 - c->used, MSG_DONTWAIT);
  if (n <= 0) {
    hang_up(fd);
    return;
  }
  c->used += (size_t)n;
  c->bytes[c->used] = 0;
  size_t head = 0, size;
  while ((size = complete_request(c->bytes, c->used, &head)) > 0) {
    const int stream = memmem(c->bytes + head, size - head, "\"stream\":true", 13) != NULL;
    memmove(c->bytes, c->bytes + size, c->used - size);
    c->used -= size;
    if (stream) {
      if (send(fd, stream_head, stream_head_size, MSG_NOSIGNAL) < 0) return;
      c->chunks_left = chunks;
      streaming[streams++] = fd;
    } else if (send(fd, reply, reply_size, MSG_NOSIGNAL) < 0) {
      return;
    }
  }
}

static void send_next_chunks(void) {
  for (int i = streams - 1; i >= 0; --i) {
    const int fd = streaming[i];
    const int at = chunks - connections[fd].chunks_left--;
    const int last = at == chunks - 1;
    if (last) streaming[i] = streaming[--streams];
    send(fd, chunk[at], chunk_size[at], MSG_NOSIGNAL);
  }
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  prepare_replies();
  const int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((unsigned short)atoi(argv[1])),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 || listen(listener, 1024) != 0) return 1;
  const int poll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec every_ms = {{0, 1000000}, {0, 1000000}};
  timerfd_settime(timer, 0, &every_ms, NULL);
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
  epoll_ctl(poll, EPOLL_CTL_ADD, timer, &(struct epoll_event){.events = EPOLLIN, .data.fd = timer});
  for (;;) {
    struct epoll_event events[256];
    const int n = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < n; ++i) {
      const int fd = events[i].data.fd;
      if (fd == timer) {
        unsigned long long ticks;
        if (read(timer, &ticks, sizeof ticks) > 0) send_next_chunks();
      } else if (fd == listener) {
        const int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        if (client >= max_fds) {
          close(client);
          continue;
        }
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(poll, EPOLL_CTL_ADD, client, &(struct epoll_event){.events = EPOLLIN, .data.fd = client});
      } else {
        serve(fd);
      }
    }
  }
}
