--- JSON-RPC 2.0 with the daemon: one connection, one JSON text a line, nothing
--- that blocks. Callbacks are called in the main loop, with an error or a
--- result.

local report = require('lore.report')
local socket = require('lore.socket')

local uv = vim.uv or vim.loop

local M = {}

-- The daemon answers reads in milliseconds; a search may wait for a model.
local ANSWER_LIMIT_MS = 30000

local METHOD_NOT_FOUND = -32601

-- The one connection, and who waits for it while it is being opened.
local current = nil
local waiting = nil

local function decode(line)
  return vim.json.decode(line, { luanil = { object = true, array = true } })
end

local function lost(why)
  local message = 'the connection to the daemon broke: ' .. why
  local failure = report.failure('DAEMON_UNAVAILABLE', message, 'lore daemon status', 'lore daemon logs')
  failure.lost = true
  return failure
end

-- An error of the wire in the form that this plugin passes on.
local function refusal(answer)
  local data = type(answer.data) == 'table' and answer.data or {}
  if answer.code == METHOD_NOT_FOUND then
    local message = 'the daemon is of another version than this plugin: ' .. answer.message
    return report.failure('PROTOCOL_MISMATCH', message, 'lore daemon restart')
  end
  return {
    code = data.code or 'INTERNAL',
    message = answer.message,
    actions = data.actions,
    details = data.details,
  }
end

local Connection = {}
Connection.__index = Connection

function Connection:close(why)
  if self.closed then
    return
  end
  self.closed = true
  if current == self then
    current = nil
  end
  self.pipe:close()
  for id in pairs(self.pending) do
    self:settle(id, lost(why))
  end
  local listeners = self.listeners
  self.listeners = {}
  for _, listener in pairs(listeners) do
    listener(nil)
  end
end

-- Ends a request.
function Connection:settle(id, failure, result)
  local request = self.pending[id]
  if not request then
    return -- It came too late.
  end
  self.pending[id] = nil
  request.timer:stop()
  request.timer:close()
  request.done(failure, result)
end

function Connection:request(method, params, done)
  if self.closed then
    return done(lost('it was closed'))
  end
  self.last_id = self.last_id + 1
  local id = self.last_id
  local timer = uv.new_timer()
  self.pending[id] = { timer = timer, done = done }
  timer:start(
    ANSWER_LIMIT_MS,
    0,
    vim.schedule_wrap(function()
      local message = ('the daemon did not answer `%s` within %d seconds'):format(method, ANSWER_LIMIT_MS / 1000)
      self:settle(id, report.failure('TIMEOUT', message, 'lore daemon status'))
    end)
  )
  local call = { jsonrpc = '2.0', id = id, method = method, params = params }
  self.pipe:write(
    vim.json.encode(call) .. '\n',
    vim.schedule_wrap(function(failed)
      if failed then
        self:close(failed)
      end
    end)
  )
end

function Connection:receive(line)
  local ok, message = pcall(decode, line)
  if not ok or type(message) ~= 'table' then
    return self:close('what answers on the socket does not speak JSON-RPC')
  end
  if message.method == 'jobs.event' then
    local event = message.params.result
    local listener = self.listeners[event.job_id]
    return listener and listener(event)
  end
  if message.id ~= nil then
    return self:settle(message.id, message.error and refusal(message.error), message.result)
  end
  if message.error then
    -- It could not tell which request it was.
    self:close(message.error.message)
  end
end

-- Cuts what comes into lines. Long answers come in many pieces, which are put
-- together once.
function Connection:listen()
  local pieces = {}
  self.pipe:read_start(vim.schedule_wrap(function(failed, data)
    if self.closed then
      return
    end
    if failed or not data then
      return self:close(failed or 'the daemon hung up')
    end
    local from = 1
    while true do
      local to = data:find('\n', from, true)
      if not to then
        break
      end
      pieces[#pieces + 1] = data:sub(from, to - 1)
      local line = table.concat(pieces)
      pieces = {}
      from = to + 1
      self:receive(line)
      if self.closed then
        return
      end
    end
    if from <= #data then
      pieces[#pieces + 1] = data:sub(from)
    end
  end))
end

-- Opens a connection and shakes hands. `absent` is called where nobody is there.
local function connect(path, done, absent)
  local pipe = uv.new_pipe(false)
  local connected = vim.schedule_wrap(function(failed)
    if failed then
      pipe:close()
      return absent(failed)
    end
    local connection = setmetatable({ pipe = pipe, pending = {}, listeners = {}, last_id = 0 }, Connection)
    connection:listen()
    connection:request('daemon.hello', socket.hello(), function(failure, hello)
      if failure then
        connection:close('no handshake')
        return done(failure)
      end
      connection.pid = hello.pid
      done(nil, connection)
    end)
  end)
  -- What is wrong with the path itself is not told to the callback.
  local ok, request, why = pcall(pipe.connect, pipe, path, connected)
  if not ok or not request then
    connected(why or request)
  end
end

-- Gives the connection, after opening it where there is none.
local function open(done)
  if current then
    return done(nil, current)
  end
  if waiting then
    waiting[#waiting + 1] = done
    return
  end
  waiting = { done }
  local function finish(failure, connection)
    local all = waiting
    waiting, current = nil, connection
    for _, one in ipairs(all) do
      one(failure, connection)
    end
  end
  local path, failure = socket.path()
  if not path then
    return finish(failure)
  end
  connect(path, finish, function(why)
    socket.start(why, function(problem)
      if problem then
        return finish(problem)
      end
      connect(path, finish, function(still)
        finish(lost(('%s at %s'):format(still, path)))
      end)
    end)
  end)
end

--- Calls a method. A connection that has been open for a while may turn out
--- to have ended with its daemon: then it is asked once more on a new one. No
--- method that this plugin uses does twice what it was asked twice.
--- @param method string
--- @param params table|nil By name.
--- @param done function Called with an error, or with nil and the result.
function M.request(method, params, done)
  if params and next(params) == nil then
    params = nil -- An empty table would be sent as an array.
  end
  local was_open = current ~= nil
  open(function(failure, connection)
    if failure then
      return done(failure)
    end
    connection:request(method, params, function(refused, result)
      if refused and refused.lost and was_open then
        return M.request(method, params, done)
      end
      done(refused, result)
    end)
  end)
end

--- Follows a job from its first event to its end, over a connection that may
--- break once in between.
--- @param job number
--- @param on_event function Called with each event but the last.
--- @param on_end function Called with an error, or with nil and the last event.
function M.follow(job, on_event, on_end)
  local last, pid, again = nil, nil, false
  local subscribe

  local function hear(connection, event)
    if not event then
      -- Events go on where they stopped, but for one try only.
      if again then
        return on_end(lost('it broke twice'))
      end
      again = true
      return subscribe()
    end
    again = false
    if last and event.seq <= last then
      return
    end
    last = event.seq
    if event.kind == 'finished' then
      connection.listeners[job] = nil
      return on_end(nil, event)
    end
    on_event(event)
  end

  subscribe = function()
    open(function(failure, connection)
      if failure then
        return on_end(failure)
      end
      -- Another process knows other jobs by these numbers.
      if pid and connection.pid ~= pid then
        return on_end(report.failure('INTERRUPTED', 'the daemon was restarted during the sync', 'lore sync-runs'))
      end
      pid = connection.pid
      connection.listeners[job] = function(event)
        hear(connection, event)
      end
      connection:request('jobs.subscribe', { job_id = job, after_seq = last }, function(refused)
        -- Where the connection broke, the listener has been told.
        if refused and not connection.closed then
          connection.listeners[job] = nil
          on_end(refused)
        end
      end)
    end)
  end
  subscribe()
end

return M
