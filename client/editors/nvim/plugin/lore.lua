-- Commands only: everything else is loaded when the first of them is used.

if vim.g.loaded_lore then
  return
end
vim.g.loaded_lore = true

if vim.fn.has('nvim-0.7') == 0 then
  vim.notify('lore: Neovim 0.7 or newer is needed', vim.log.levels.ERROR)
  return
end

local command = vim.api.nvim_create_user_command

command('LoreFileHistory', function(opts)
  require('lore').file_history({ path = opts.args ~= '' and opts.args or nil, pick = opts.bang })
end, { bang = true, nargs = '?', complete = 'file', desc = 'Merge requests that touched this file' })

command('LoreThreads', function(opts)
  require('lore').threads({ clear = opts.bang })
end, { bang = true, nargs = 0, desc = 'Review threads on this file, and on this line' })

command('LoreSync', function(opts)
  require('lore').sync(opts.args ~= '' and opts.args or nil)
end, { nargs = '?', desc = 'Fetch one merge request or issue anew' })

command('LoreCancel', function()
  require('lore').cancel()
end, { nargs = 0, desc = 'Cancel the syncs that :LoreSync started' })

command('LoreSearch', function(opts)
  require('lore').search(opts.args, { pick = opts.bang })
end, { bang = true, nargs = '+', desc = 'Search issues and merge requests' })

vim.api.nvim_create_autocmd('BufReadCmd', {
  group = vim.api.nvim_create_augroup('lore', { clear = true }),
  pattern = 'lore://*',
  callback = function(event)
    require('lore.view').load(event.buf, event.match)
  end,
})
